import { type AccountCommand, account as accountDecider } from '#account'
import { accountWords } from '#account/events'
import { licenseWords, licensing } from '#account/licensing'
import { orderInWords } from '#account/proposals'
import type { Figures } from '#account/state'
import { type Charge, notWrittenOff } from '#account/write-offs'
import { isRefusal } from '#canonical/decider'
import { trustEvent } from '#canonical/event'
import { run } from '#cqrs/run'
import { readStream } from '#eventstore'
import { intOf, type Rows, textOf } from '#eventstore/rows'
import { readKnown } from '#evidence/held'
import { understood } from '#ledger/vocabulary'
import { type Amount, type Currency, formatAmount, minorUnits } from '#money'
import { paymentWords } from '#payment/events'
import { transactions } from '#projections/transactions'
import { cardOf } from './authority.ts'
import { type Holds, unknown } from './holds.ts'
import type { Office, Settled } from './office.ts'
import type { Rulebook } from './rulebook.ts'
import type { SecondPerson } from './second-person.ts'

/** What the back office orders of an account: its limit and terms, whether it stands, and the money beside payments. */

type Asked = { readonly account: string; readonly by: string }
type Why = Asked & { readonly reason: string }
type Money = { readonly amount: Amount; readonly currency: Currency; readonly source: string }

/** Payments that are looked at for who bears a debt that is written off; the newest of them. */
const chargesMax = 500

export const accounts = (
  { store, crypto, keys, runner, actOf, mint }: Office,
  settled: Settled,
  rows: Rows,
  { stateOf, figuresOf, figuresIn }: Pick<Holds, 'stateOf' | 'figuresOf' | 'figuresIn'>,
  { deny, undeny }: Pick<Rulebook, 'deny' | 'undeny'>,
  { hindered }: SecondPerson,
) => {
  const order = (command: AccountCommand, by: string) =>
    run(runner, accountDecider, accountWords, `account-${command.account}`, command, actOf(by))
  const ordered = async (command: AccountCommand, by: string, answer: object = {}) =>
    settled(await order(command, by), { account: command.account, ...answer })

  /** With what of its figures the account's own stream cannot say. */
  const knowing = async (
    account: string,
    currency: Currency,
    by: string,
    command: (figures: Figures) => AccountCommand,
    answer: object = {},
  ) => {
    const figures = await figuresIn(account, currency)
    return isRefusal(figures) ? figures : ordered(command(figures), by, answer)
  }

  const cardOfAccount = (account: string): string => cardOf(crypto, keys, account)

  /** The event first, then the list: asked again after a crash between the two, it does what was left. */
  const suspendAccount = async ({ account, reason, by }: Why) => {
    const ran = await order({ type: 'SuspendAccount', account, why: reason }, by)
    if (isRefusal(ran)) return ran
    const denied = await deny({ cards: [cardOfAccount(account)] }, by, reason)
    return isRefusal(denied) ? denied : settled(ran, { account, denyList: denied.version })
  }

  const reinstateAccount = async ({ account, reason, by }: Why) => {
    const ran = await order({ type: 'ReinstateAccount', account, why: reason }, by)
    if (isRefusal(ran)) return ran
    const freed = await undeny({ cards: [cardOfAccount(account)] }, by, reason)
    return isRefusal(freed) ? freed : settled(ran, { account, denyList: freed.version })
  }

  /** Ends licenses for good: revoked, and on the list, so that no terminal takes them. */
  const endLicenses = async (licenses: readonly string[], reason: string, by: string) => {
    const issued: string[] = []
    for (const license of licenses) {
      const command = { type: 'RevokeLicense' as const, license, why: reason }
      const revoked = await run(runner, licensing, licenseWords, `license-${license}`, command, actOf(by))
      // An allowance whose license was never issued ends with its term.
      if (!isRefusal(revoked)) issued.push(license)
      else if (revoked.reason !== 'LicenseUnknown') return revoked
    }
    return deny({ licenses: issued }, by, reason)
  }

  const beginClosing = async ({ account, reason, by }: Why) => {
    const ran = await order({ type: 'BeginClosing', account, why: reason }, by)
    if (isRefusal(ran)) return ran
    const state = await stateOf(account)
    const open = [...(state?.grants ?? [])].flatMap(([license, { isOpen }]) => (isOpen ? [license] : []))
    const denied = await endLicenses(open, reason, by)
    return isRefusal(denied) ? denied : settled(ran, { account, licenses: open, denyList: denied.version })
  }

  const closeAccount = async ({ account, by }: Asked) => {
    const state = await stateOf(account)
    if (!state) return unknown(account)
    const figures = await figuresOf(account, state)
    return 'reason' in figures ? figures : ordered({ type: 'CloseAccount', account, figures }, by)
  }

  /** The account's payments in a currency, the newest first, each with what its merchant would bear of it. */
  const chargesOf = async (account: string, currency: Currency): Promise<Charge[]> => {
    const paid = await rows.select(transactions, 'payment', {
      where: { account, currency },
      order: [['index', 'down']],
      limit: chargesMax,
    })
    const writtenOff: { index: number; amount: bigint }[] = []
    for (const { index, text } of await readStream(store, `account-${account}`)) {
      const event = understood(trustEvent(text))
      if (event?.type === 'DebtWrittenOff' && event.data.currency === currency)
        writtenOff.push({ index, amount: minorUnits(event.data.amount) })
    }
    const charges: (Charge & { readonly index: number })[] = []
    for (const row of paid) {
      const state = textOf(row, 'state')
      if (state === 'held' || (state === 'decided' && row['bears'] !== 'payer')) continue
      const [amount, reversed, excess] = [intOf(row, 'amount'), intOf(row, 'reversed'), intOf(row, 'excess')]
      const over = excess > reversed ? excess - reversed : 0n
      const merchantBears = over > 0n && (await excessOwner(textOf(row, 'payment'))) === 'merchant' ? over : 0n
      const index = Number(intOf(row, 'index'))
      charges.push({ merchant: textOf(row, 'merchant'), amount: amount - reversed, merchantBears, index })
    }
    return notWrittenOff(charges, writtenOff)
  }

  const excessOwner = async (payment: string): Promise<string | null> => {
    const { events } = await readKnown(store, `payment-${payment}`, paymentWords)
    const verdict = events.findLast(({ type }) => type === 'PaymentAccepted' || type === 'HeldPaymentDecided')
    return verdict && 'excessOwner' in verdict.data ? verdict.data.excessOwner : null
  }

  const approveWriteOff = async ({ account, writeOff, by }: Asked & { readonly writeOff: string }) => {
    const state = await stateOf(account)
    if (!state) return unknown(account)
    const proposed = state.writeOffs.get(writeOff)
    const tooNew = await hindered(by, proposed?.operator)
    if (tooNew) return tooNew
    const currency = proposed?.currency ?? [...state.limits.keys()][0] ?? ''
    const charges = await chargesOf(account, currency)
    return knowing(
      account,
      currency,
      by,
      ({ currency: _, ...known }) => ({
        type: 'ApproveWriteOff',
        account,
        writeOff,
        operator: by,
        charges,
        ...known,
      }),
      { writeOff },
    )
  }

  return {
    suspendAccount,
    reinstateAccount,
    beginClosing,
    closeAccount,
    endLicenses,
    cardOfAccount,
    recoverDebt: ({ by, ...asked }: Asked & Money & { readonly recovery: string }) =>
      ordered({ type: 'RecoverDebt', ...asked }, by, { recovery: asked.recovery }),
    proposeWriteOff: (
      asked: Why & { readonly writeOff?: string | undefined; readonly amount: Amount; readonly currency: Currency },
    ) => {
      const { account, amount, currency, reason, by } = asked
      const writeOff = asked.writeOff ?? mint()
      return knowing(
        account,
        currency,
        by,
        figures => ({ type: 'ProposeWriteOff', account, writeOff, amount, operator: by, why: reason, ...figures }),
        { writeOff },
      )
    },
    rejectWriteOff: ({ account, writeOff, reason, by }: Why & { readonly writeOff: string }) =>
      ordered({ type: 'RejectWriteOff', account, writeOff, operator: by, why: reason }, by, { writeOff }),
    approveWriteOff,
  }
}

/** Standing, terms and what waits for a second person, as an account's page shows them. */
export const accountPage =
  ({ stateOf }: Pick<Holds, 'stateOf'>) =>
  async (account: string) => {
    const state = await stateOf(account)
    if (!state) return unknown(account)
    const { standing, limits, terms, writeOffs, repayments, lost, proposals } = state
    return {
      account,
      state: standing,
      currencies: [...limits.keys()].map(currency => ({
        currency,
        limit: formatAmount(limits.get(currency) ?? 0n, currency),
        creditCounts: terms.get(currency)?.creditCounts ?? false,
        oversubscription: formatAmount(terms.get(currency)?.oversubscription ?? 0n, currency),
        lost: formatAmount(lost.get(currency) ?? 0n, currency),
      })),
      writeOffs: [...writeOffs].map(([writeOff, { amount, ...each }]) => ({
        writeOff,
        ...each,
        amount: formatAmount(amount, each.currency),
      })),
      proposals: [...proposals].flatMap(([proposal, { order, operator, why, state }]) =>
        state === 'proposed' ? [{ proposal, kind: order.kind, asks: orderInWords(order), operator, why }] : [],
      ),
      repayments: [...repayments].map(([repayment, { amount, ...each }]) => ({
        repayment,
        ...each,
        amount: formatAmount(amount, each.currency),
      })),
    }
  }

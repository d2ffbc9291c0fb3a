import { type AccountCommand, account as accountDecider } from '#account'
import { type BoundCommand, type Bounds, boundIn, boundWords, creditBounds } from '#account/bound'
import { accountWords } from '#account/events'
import type { AccountOrder } from '#account/state'
import { isRefusal, type Refusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import { readKnown } from '#evidence/held'
import { type Amount, type Currency, formatAmount } from '#money'
import type { Holds } from './holds.ts'
import type { Office, Settled } from './office.ts'
import { personOf, type SecondPerson } from './second-person.ts'

/**
 * What of an account takes two people: credit beyond what one may give, a payout, a repayment that is called back; and
 * the bound itself.
 */

type Asked = { readonly account: string; readonly by: string }
type Why = { readonly reason: string }
type MayWhy = { readonly reason?: string | undefined }
type Named = { readonly proposal?: string | undefined }

export const proposals = (
  { store, runner, mint, actOf }: Office,
  settled: Settled,
  { stateOf, figuresIn }: Pick<Holds, 'stateOf' | 'figuresIn'>,
  { hindered }: SecondPerson,
) => {
  const order = (command: AccountCommand, by: string) =>
    run(runner, accountDecider, accountWords, `account-${command.account}`, command, actOf(by))

  /** A payout looks at what the account's own stream cannot say. */
  const figuresFor = async (account: string, order: AccountOrder | undefined) =>
    order?.kind === 'payout' ? figuresIn(account, order.currency) : undefined

  const propose = async (asked: Asked & Why & Named & { readonly order: AccountOrder }) => {
    const { account, by, reason, order: wanted, proposal = mint() } = asked
    const figures = await figuresFor(account, wanted)
    if (figures && isRefusal(figures)) return figures
    const said = { account, proposal, operator: personOf(by), order: wanted, why: reason, figures }
    return settled(await order({ type: 'ProposeAccountOrder', ...said }, by), {
      account,
      proposal,
      state: 'proposed' as const,
    })
  }

  const bounds = async (): Promise<Bounds> => {
    const { events } = await readKnown(store, 'credit-bounds', boundWords)
    return events.reduce((state, event) => creditBounds.evolve(state, event), creditBounds.initialState)
  }
  const boundOf = async (currency: Currency): Promise<Amount> => boundIn(await bounds(), currency)

  /** Done where one person may; proposed where it takes two, if a reason was given for the other to read. */
  const orProposed = async (
    asked: Asked & MayWhy & Named,
    command: AccountCommand,
    wanted: AccountOrder,
  ): Promise<
    Refusal | { readonly account: string; readonly state: 'set' | 'proposed'; readonly proposal?: string }
  > => {
    const { account, by, reason, proposal } = asked
    const ran = await order(command, by)
    if (!isRefusal(ran) || ran.reason !== 'CreditBeyondBound' || reason === undefined)
      return settled(ran, { account, state: 'set' as const })
    return propose({ account, by, reason, proposal, order: wanted })
  }

  const setCreditLimit = async (
    asked: Asked & MayWhy & Named & { readonly currency: Currency; readonly limit: Amount },
  ) => {
    const { account, currency, limit } = asked
    const bound = await boundOf(currency)
    const command = { type: 'SetCreditLimit' as const, account, currency, limit, bound }
    return orProposed(asked, command, { kind: 'limit', currency, limit: limit.toString() })
  }

  const setAccountTerms = async (
    asked: Asked &
      MayWhy &
      Named & { readonly currency: Currency; readonly creditCounts: boolean; readonly oversubscription: Amount },
  ) => {
    const { account, currency, creditCounts, oversubscription } = asked
    const terms = { currency, creditCounts, oversubscription }
    const command = { type: 'SetAccountTerms' as const, account, ...terms, bound: await boundOf(currency) }
    return orProposed(asked, command, { kind: 'terms', ...terms, oversubscription: oversubscription.toString() })
  }

  const approve = async ({ account, proposal, by }: Asked & { readonly proposal: string }) => {
    const held = (await stateOf(account))?.proposals.get(proposal)
    const tooNew = await hindered(by, held?.operator)
    if (tooNew) return tooNew
    const figures = await figuresFor(account, held?.order)
    if (figures && isRefusal(figures)) return figures
    const command = { type: 'ApproveAccountOrder' as const, account, proposal, operator: personOf(by), figures }
    return settled(await order(command, by), { account, proposal, state: 'approved' as const })
  }

  const orderBound = async (command: BoundCommand, by: string) => {
    const ran = await run(runner, creditBounds, boundWords, 'credit-bounds', command, actOf(by))
    if (isRefusal(ran)) return ran
    const { proposal } = command
    return settled(ran, { proposal, state: (await bounds()).proposals.get(proposal)?.state ?? 'done' })
  }

  return {
    boundOf,
    setCreditLimit,
    setAccountTerms,
    proposePayout: ({
      payout,
      source,
      ...asked
    }: Asked & Why & { payout?: string | undefined; amount: Amount; currency: Currency; source: string }) => {
      const { amount, currency } = asked
      const wanted = { kind: 'payout' as const, amount: amount.toString(), currency, source }
      return propose({ ...asked, proposal: payout, order: wanted })
    },
    proposeReturn: ({ repayment, ...asked }: Asked & Why & Named & { readonly repayment: string }) =>
      propose({ ...asked, order: { kind: 'return', repayment } }),
    approveAccountOrder: approve,
    rejectAccountOrder: async ({ account, proposal, reason, by }: Asked & Why & { readonly proposal: string }) => {
      const command = { type: 'RejectAccountOrder' as const, account, proposal, operator: personOf(by), why: reason }
      return settled(await order(command, by), { account, proposal, state: 'rejected' as const })
    },
    setBound: ({
      proposal = mint(),
      currency,
      bound,
      reason,
      by,
    }: Why & Named & { readonly currency: Currency; readonly bound: Amount; readonly by: string }) =>
      orderBound({ type: 'SetBound', proposal, currency, bound, operator: personOf(by), why: reason }, by),
    approveBound: async ({ proposal, by }: { readonly proposal: string; readonly by: string }) => {
      const tooNew = await hindered(by, (await bounds()).proposals.get(proposal)?.operator)
      return tooNew ?? orderBound({ type: 'ApproveBound', proposal, operator: personOf(by) }, by)
    },
    rejectBound: ({ proposal, reason, by }: Why & { readonly proposal: string; readonly by: string }) =>
      orderBound({ type: 'RejectBound', proposal, operator: personOf(by), why: reason }, by),
    /** What was set, and what waits; where nothing was set, the usual holds. */
    boundList: async () => {
      const { bounds: set, proposals: proposed } = await bounds()
      return {
        bounds: [...set].map(([currency, bound]) => ({ currency, bound: formatAmount(bound, currency) })),
        usual: formatAmount(boundIn(creditBounds.initialState, 'EUR'), 'EUR'),
        proposals: [...proposed]
          .filter(([, { state }]) => state === 'proposed')
          .map(([proposal, { currency, bound, operator, why }]) => ({
            proposal,
            currency,
            bound: formatAmount(bound, currency),
            operator,
            why,
          })),
      }
    },
  }
}

export type Proposals = ReturnType<typeof proposals>

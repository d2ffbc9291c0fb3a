import { account as accountDecider } from '#account'
import { accountWords } from '#account/events'
import { isRefusal, type Refusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import { readStream } from '#eventstore'
import { readKnown } from '#evidence/held'
import type { Amount, Currency } from '#money'
import { payment as paymentDecider } from '#payment'
import { paymentWords } from '#payment/events'
import { merchant as merchantDecider, merchantWords } from '#settlement/merchant'
import { shop as shopDecider, shopWords } from '#settlement/shop'
import type { Followers } from './followers.ts'
import type { Office, Settled } from './office.ts'

/** What the back office orders: merchants, shops, accounts, repayments, and who bears a held payment. */
export const trade = (
  { store, runner, mint, actOf, now }: Office,
  settled: Settled,
  { figuresFor, judgedAll }: Pick<Followers, 'figuresFor' | 'judgedAll'>,
) => {
  const openMerchant = async (asked: {
    readonly merchant?: string | undefined
    readonly name: string
    readonly currency: Currency
    readonly feeBasisPoints: number
    readonly taxBasisPoints: number
    readonly by: string
  }) => {
    const merchant = asked.merchant ?? mint()
    const stream = `merchant-${merchant}`
    const { name, currency, feeBasisPoints, taxBasisPoints, by } = asked
    const opened = await run(
      runner,
      merchantDecider,
      merchantWords,
      stream,
      { type: 'OpenMerchant', merchant, name, currency },
      actOf(by),
    )
    if (isRefusal(opened)) return opened
    const terms = { merchant, feeBasisPoints, taxBasisPoints, returnsFee: true }
    const set = await run(
      runner,
      merchantDecider,
      merchantWords,
      stream,
      { type: 'SetMerchantTerms', ...terms },
      actOf(by),
    )
    return settled(set, { merchant })
  }

  const openShop = async (asked: {
    readonly shop?: string | undefined
    readonly merchant: string
    readonly name: string
    readonly zone: string
    readonly by: string
  }) => {
    const shop = asked.shop ?? mint()
    const { merchant, name, zone, by } = asked
    const known = await readStream(store, `merchant-${merchant}`)
    // A sale without terms would have no fee that anybody agreed to.
    if (!known.some(({ type }) => type === 'MerchantTermsSet'))
      return {
        reason: 'MerchantUnknown',
        message: `No merchant ${merchant} was opened with its terms: open it first.`,
        merchant,
      }
    try {
      new Intl.DateTimeFormat('en', { timeZone: zone })
    } catch {
      return { reason: 'ZoneUnknown', message: `${zone} is not a time zone: write one such as Europe/Vienna.`, zone }
    }
    return settled(
      await run(
        runner,
        shopDecider,
        shopWords,
        `shop-${shop}`,
        { type: 'OpenShop', shop, merchant, name, zone },
        actOf(by),
      ),
      { shop },
    )
  }

  const openAccount = async (asked: {
    readonly account?: string | undefined
    readonly limit: Amount
    readonly currency: Currency
    readonly by: string
  }) => {
    const account = asked.account ?? mint()
    const { limit, currency, by } = asked
    const ran = await run(
      runner,
      accountDecider,
      accountWords,
      `account-${account}`,
      { type: 'OpenAccount', account, currency, limit },
      actOf(by),
    )
    return settled(ran, { account })
  }

  const receiveRepayment = async (asked: {
    readonly account: string
    readonly repayment?: string | undefined
    readonly amount: Amount
    readonly currency: Currency
    readonly source: string
    readonly by: string
  }) => {
    const { account, amount, currency, source, by } = asked
    const repayment = asked.repayment ?? mint()
    const command = { type: 'ReceiveRepayment' as const, account, repayment, currency, amount, source }
    return settled(await run(runner, accountDecider, accountWords, `account-${account}`, command, actOf(by)), {
      account,
      repayment,
    })
  }

  let turn: Promise<unknown> = Promise.resolve()
  /** Two decisions at once would draw one hold twice: each looks only when all before it is known. */
  const oneByOne = <Answer>(act: () => Promise<Answer>): Promise<Answer | Refusal> => {
    const mine = turn.then(async () => {
      if (await judgedAll()) return act()
      return {
        reason: 'NotCaughtUp',
        message:
          'This centre has not judged all that is in its log yet: try again in a moment; GET /api/health shows how far it is.',
      }
    })
    turn = mine.catch(() => {})
    return mine
  }

  /** Two people decide who bears a held payment. */
  const decideHeld = (asked: HeldDecision) => oneByOne(() => decide(asked))

  const decide = async (asked: HeldDecision) => {
    const { payment, bears, operators, reason } = asked
    const stream = `payment-${payment}`
    const { events: held } = await readKnown(store, stream, paymentWords)
    const first = held.find(event => event.type === 'PaymentHeld')
    if (held.length === 0)
      return {
        reason: 'PaymentUnknown',
        message: `No verdict was made on payment ${payment}: look at its hash.`,
        payment,
      }
    if (!first) {
      const standing = held.some(({ type }) => type === 'PaymentAccepted') ? 'accepted' : 'unjudged'
      return {
        reason: 'PaymentNotHeld',
        message: `Payment ${payment.slice(0, 12)}… is ${standing}: only a held payment is decided.`,
        payment,
        standing,
      }
    }
    const { account, license, merchant, currency, occurred } = first.data
    const figures = figuresFor(account, license ?? undefined, merchant, currency, occurred.at)
    const command = {
      type: 'DecideHeld' as const,
      payment,
      bears,
      operators,
      reason,
      bookingDate: now().slice(0, 10),
      ...figures,
    }
    const ran = await run(runner, paymentDecider, paymentWords, stream, command, actOf(`operator:${operators[1]}`))
    return settled(ran, { payment, bears })
  }

  /** Two people refuse a reversal that is held: what it took goes back to the merchant. */
  const refuseReversal = async (asked: {
    readonly payment: string
    readonly reversal: string
    readonly operators: readonly [string, string]
    readonly why: string
  }) => {
    const { payment, ...refused } = asked
    const command = { type: 'RefuseReversal' as const, ...refused, bookingDate: now().slice(0, 10) }
    const act = actOf(`operator:${asked.operators[1]}`)
    const ran = await run(runner, paymentDecider, paymentWords, `payment-${payment}`, command, act)
    return settled(ran, { payment, reversal: asked.reversal })
  }

  return { openMerchant, openShop, openAccount, receiveRepayment, decideHeld, refuseReversal }
}

type HeldDecision = {
  readonly payment: string
  readonly bears: 'payer' | 'merchant' | 'operator'
  readonly operators: readonly [string, string]
  readonly reason: string
}

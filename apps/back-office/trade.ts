import { account as accountDecider } from '#account'
import { accountWords } from '#account/events'
import { isRefusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import { readStream } from '#eventstore'
import type { Amount, Currency } from '#money'
import { merchant as merchantDecider, merchantWords } from '#settlement/merchant'
import { shop as shopDecider, shopWords } from '#settlement/shop'
import type { Office, Settled } from './office.ts'

/** What the back office orders: merchants, shops, accounts, repayments. */
export const trade = ({ store, runner, mint, actOf }: Office, settled: Settled) => {
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

  return { openMerchant, openShop, openAccount, receiveRepayment }
}

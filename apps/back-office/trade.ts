import { account as accountDecider } from '#account'
import { accountWords } from '#account/events'
import { isRefusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import type { Amount, Currency } from '#money'
import { merchant as merchantDecider, merchantWords } from '#settlement/merchant'
import type { Holds } from './holds.ts'
import type { Office, Settled } from './office.ts'
import type { Proposals } from './proposals.ts'

/** What the back office orders: merchants, accounts, repayments. */
export const trade = (
  { runner, mint, actOf }: Office,
  settled: Settled,
  { stateOf, figuresIn }: Pick<Holds, 'stateOf' | 'figuresIn'>,
  { boundOf }: Pick<Proposals, 'boundOf'>,
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
      { type: 'OpenAccount', account, currency, limit, bound: await boundOf(currency) },
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
    // What is owed in a currency without a limit only the log says.
    const limits = (await stateOf(account))?.limits
    const figures = limits && !limits.has(currency) ? await figuresIn(account, currency) : undefined
    if (figures && isRefusal(figures)) return figures
    const command = {
      type: 'ReceiveRepayment' as const,
      account,
      repayment,
      currency,
      amount,
      source,
      ...(figures ? { figures } : {}),
    }
    return settled(await run(runner, accountDecider, accountWords, `account-${account}`, command, actOf(by)), {
      account,
      repayment,
    })
  }

  return { openMerchant, openAccount, receiveRepayment }
}

import { run } from '#cqrs/run'
import type { Amount, Currency } from '#money'
import { type MerchantCommand, merchant as merchantDecider, merchantWords } from '#settlement/merchant'
import type { Office, Settled } from './office.ts'

/** A merchant's terms, and what one that stands below zero pays us. */
export const merchants = ({ runner, mint, actOf }: Office, settled: Settled) => {
  const order = async <Answer>(command: MerchantCommand, by: string, answer: Answer) => {
    const stream = `merchant-${command.merchant}`
    return settled(await run(runner, merchantDecider, merchantWords, stream, command, actOf(by)), answer)
  }
  return {
    /** For sales from now on: one that was made before is under the terms of its own time. */
    setMerchantTerms: ({
      by,
      owesAfterDays,
      ...terms
    }: {
      readonly merchant: string
      readonly feeBasisPoints: number
      readonly taxBasisPoints: number
      readonly returnsFee: boolean
      readonly owesAfterDays?: number | undefined
      readonly by: string
    }) => {
      const { merchant } = terms
      const days = owesAfterDays === undefined ? {} : { owesAfterDays }
      return order({ type: 'SetMerchantTerms', ...terms, ...days }, by, { merchant })
    },
    payIn: ({
      by,
      paidIn = mint(),
      ...asked
    }: {
      readonly merchant: string
      readonly paidIn?: string | undefined
      readonly amount: Amount
      readonly currency: Currency
      readonly source: string
      readonly by: string
    }) => order({ type: 'PayIn', paidIn, ...asked }, by, { merchant: asked.merchant, paidIn }),
  }
}

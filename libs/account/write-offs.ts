import type { Refusal } from '#canonical/decider'
import { type Amount, amount as amountOf, type Currency, zero } from '#money'
import { otherCurrency } from './allowance.ts'
import type { AccountEvent } from './events.ts'
import { type Account, dealsIn, type Figures, inWords, owedIn } from './state.ts'

/** A debt that nobody will pay: one person proposes to write it off, another approves, and a rule says who bears it. */

/* ------------------------------------------------------------------ words */

type Asked = { readonly account: string; readonly writeOff: string; readonly operator: string }

export type WriteOffCommand =
  | ({ readonly type: 'ProposeWriteOff'; readonly amount: Amount; readonly why: string } & Asked & Figures)
  | ({ readonly type: 'RejectWriteOff'; readonly why: string } & Asked)
  | ({ readonly type: 'ApproveWriteOff'; readonly charges: readonly Charge[] } & Asked & Omit<Figures, 'currency'>)

export type WriteOffRefusal = Refusal & {
  readonly reason:
    | 'CurrencyMismatch'
    | 'WriteOffEmpty'
    | 'WriteOffDiffers'
    | 'WriteOffExceedsOwed'
    | 'WriteOffUnknown'
    | 'WriteOffNotOpen'
    | 'SecondPersonRequired'
}

/** An accepted payment of the account, as far as it was not reversed. */
export type Charge = {
  readonly merchant: string
  readonly amount: bigint
  /** What of it the merchant bears if the payer never pays. */
  readonly merchantBears: bigint
}

/* ------------------------------------------------------------------- rule */

export const writeOffRule = 1

export type Shares = {
  readonly losses: Amount
  readonly merchants: readonly { readonly merchant: string; readonly amount: Amount }[]
}

/**
 * Rule 1. Repayments pay the oldest payment first, so what is written off are the newest. Of each, the merchant bears
 * what exceeded the allowance, where its owner is the merchant, and of a payment that is written off in part it is the
 * operator's part that is written off last; all else is the operator's loss. `charges` is the newest first, in the
 * currency of the debt.
 */
export const sharesOf = (amount: Amount, charges: readonly Charge[]): Shares => {
  const merchants = new Map<string, bigint>()
  let left: bigint = amount
  for (const { merchant, amount: charged, merchantBears } of charges) {
    if (left === 0n) break
    const written = charged < left ? charged : left
    const borne = merchantBears < written ? merchantBears : written
    left -= written
    if (borne > 0n) merchants.set(merchant, (merchants.get(merchant) ?? 0n) + borne)
  }
  const borne = [...merchants.values()].reduce((sum, each) => sum + each, 0n)
  return {
    losses: amountOf(amount - borne),
    merchants: [...merchants].map(([merchant, borne]) => ({ merchant, amount: amountOf(borne) })),
  }
}

/**
 * What earlier write-offs left of these charges: each took the newest that were there before it, and what a merchant
 * bore of one it does not bear again. `charges` is the newest first, `writtenOff` the oldest first, both by log index.
 */
export const notWrittenOff = (
  charges: readonly (Charge & { readonly index: number })[],
  writtenOff: readonly { readonly index: number; readonly amount: bigint }[],
): Charge[] => {
  const rest = charges.map(each => ({ ...each }))
  for (const { index, amount } of writtenOff) {
    let left = amount
    for (const charge of rest) {
      if (charge.index >= index) continue
      const written = charge.amount < left ? charge.amount : left
      charge.amount -= written
      charge.merchantBears -= charge.merchantBears < written ? charge.merchantBears : written
      left -= written
    }
  }
  return rest.map(({ merchant, amount, merchantBears }) => ({ merchant, amount, merchantBears }))
}

/* ----------------------------------------------------------------- decide */

export const decideWriteOff = (command: WriteOffCommand, state: Account): readonly AccountEvent[] | WriteOffRefusal => {
  const { account, writeOff, operator } = command
  const held = state.writeOffs.get(writeOff)
  if (command.type === 'ProposeWriteOff') {
    const { amount, currency, why } = command
    if (held?.amount === amount && held.currency === currency && held.operator === operator) return []
    if (held)
      return {
        reason: 'WriteOffDiffers',
        message: `Write-off ${writeOff} of ${inWords(held)} was proposed by ${held.operator}: another one needs an id of its own.`,
        writeOff,
        proposed: held.amount,
      }
    if (amount === zero)
      return { reason: 'WriteOffEmpty', message: 'To write off nothing changes nothing: give more than 0.' }
    if (!dealsIn(state, command)) return otherCurrency(state, currency)
    const owed = owedIn(state, command)
    if (amount > owed) return exceeds(account, currency, owed, amount)
    const data = { account, writeOff, amount: amount.toString(), currency, rule: writeOffRule, operator, why }
    return [{ type: 'WriteOffProposed', data }]
  }

  if (!held)
    return {
      reason: 'WriteOffUnknown',
      message: `No write-off ${writeOff} was proposed for account ${account}: look at its page for those that wait.`,
      writeOff,
    }
  const { currency, amount } = held
  if (held.state === (command.type === 'RejectWriteOff' ? 'rejected' : 'done')) return []
  if (held.state !== 'proposed')
    return {
      reason: 'WriteOffNotOpen',
      message: `Write-off ${writeOff} of ${inWords(held)} was ${held.state === 'done' ? 'approved' : 'rejected'}: ${held.state === 'done' ? 'what is paid after all is a recovery' : 'propose it anew, with an id of its own'}.`,
      writeOff,
      state: held.state,
    }
  switch (command.type) {
    case 'RejectWriteOff':
      return [{ type: 'WriteOffRejected', data: { account, writeOff, operator, why: command.why } }]

    case 'ApproveWriteOff': {
      if (operator === held.operator)
        return {
          reason: 'SecondPersonRequired',
          message: `${operator} proposed this and cannot approve it alone: another operator must.`,
          writeOff,
          operator,
        }
      const owed = owedIn(state, { ...command, currency })
      if (amount > owed) return exceeds(account, currency, owed, amount)
      const { losses, merchants } = sharesOf(amount, command.charges)
      const data = {
        account,
        writeOff,
        amount: amount.toString(),
        currency,
        losses: losses.toString(),
        merchants: merchants.map(({ merchant, amount }) => ({ merchant, amount: amount.toString() })),
        rule: held.rule,
        operators: [held.operator, operator] as [string, string],
        why: held.why,
      }
      return [{ type: 'DebtWrittenOff', data }]
    }
  }
}

const exceeds = (account: string, currency: Currency, owed: bigint, asked: Amount): WriteOffRefusal => ({
  reason: 'WriteOffExceedsOwed',
  message: `Account ${account} owes ${inWords({ amount: owed > 0n ? owed : 0n, currency })}, and ${inWords({ amount: asked, currency })} cannot be written off: propose no more than is owed.`,
  account,
  owed,
  asked,
})

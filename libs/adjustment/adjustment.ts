import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, moneyWord, word } from '#canonical/event'
import { name } from '#canonical/fields'
import { type Currency, formatAmount, minorUnits } from '#money'
import { currency, minor } from '#money/fields'

/**
 * `adjustment-<id>`: the book put right by hand. One person proposes balanced postings, another approves exactly those,
 * and only then do they stand. It touches neither what a bank's file says nor what was promised to phones.
 */

/* ------------------------------------------------------------------ words */

const line = z.object({
  /** The ledger's account, such as `payer:acc-1`. */
  account: name,
  side: z.enum(['debit', 'credit']),
  amount: minor,
  currency,
})
const lines = z.array(line).min(2).max(50)
const words = z.string().min(1).max(500)

export type Line = z.infer<typeof line>

export const adjustmentWords = {
  AdjustmentProposed: word(z.object({ adjustment: name, lines, operator: name, reason: words })),
  AdjustmentApproved: moneyWord(
    z.object({
      adjustment: name,
      lines,
      /** Who proposed it, and who approved. */
      operators: z.tuple([name, name]),
      reason: words,
    }),
  ),
  AdjustmentRejected: word(z.object({ adjustment: name, operator: name, why: words })),
}

export type AdjustmentEvent = FactOf<typeof adjustmentWords>

type Asked = { readonly adjustment: string; readonly operator: string }

export type AdjustmentCommand =
  | ({ readonly type: 'ProposeAdjustment'; readonly lines: readonly Line[]; readonly reason: string } & Asked)
  | ({ readonly type: 'ApproveAdjustment' } & Asked)
  | ({ readonly type: 'RejectAdjustment'; readonly why: string } & Asked)

export type AdjustmentRefusal = Refusal & {
  readonly reason:
    | 'AdjustmentEmpty'
    | 'AdjustmentTooLong'
    | 'AdjustmentUnbalanced'
    | 'AccountNotAdjustable'
    | 'AdjustmentUnknown'
    | 'AdjustmentDiffers'
    | 'AdjustmentNotOpen'
    | 'SecondPersonRequired'
}

/* ------------------------------------------------------------------ state */

export type Adjustment = {
  readonly state: 'proposed' | 'approved' | 'rejected'
  readonly lines: readonly Line[]
  readonly operator: string
  readonly reason: string
}

/* ----------------------------------------------------------------- decide */

const linesMax = 50

const decide = (
  command: AdjustmentCommand,
  state: Adjustment | undefined,
): readonly AdjustmentEvent[] | AdjustmentRefusal => {
  const { adjustment, operator } = command
  if (command.type === 'ProposeAdjustment') {
    const { lines, reason } = command
    if (state) return sameAs(state, command) ? [] : differs(adjustment, state)
    const wrong = wrongWith(lines)
    if (wrong) return wrong
    const kept = lines.map(({ account, side, amount, currency }) => ({ account, side, amount, currency }))
    return [{ type: 'AdjustmentProposed', data: { adjustment, lines: kept, operator, reason } }]
  }
  if (!state)
    return {
      reason: 'AdjustmentUnknown',
      message: `No adjustment ${adjustment} was proposed: look at the list of those that wait.`,
      adjustment,
    }
  switch (command.type) {
    case 'ApproveAdjustment': {
      if (state.state === 'approved') return []
      if (state.state === 'rejected') return notOpen(adjustment, state)
      if (state.operator === operator)
        return {
          reason: 'SecondPersonRequired',
          message: `${operator} proposed this and cannot approve it alone: another operator must.`,
          adjustment,
          operator,
        }
      const { lines, reason } = state
      const operators: [string, string] = [state.operator, operator]
      return [{ type: 'AdjustmentApproved', data: { adjustment, lines: [...lines], operators, reason } }]
    }
    case 'RejectAdjustment':
      if (state.state === 'rejected') return []
      if (state.state === 'approved') return notOpen(adjustment, state)
      return [{ type: 'AdjustmentRejected', data: { adjustment, operator, why: command.why } }]
  }
}

/** Whose balance a person may put right: all of the money book but the bank, which only its own files move. */
const adjustable =
  /^(?:(?:payer|merchant|payable|reserve|withheld|disputes|suspense|clearing):.+|fees|tax|losses|recoveries)$/s

/** Why these lines cannot be posted, whoever approves them. */
const wrongWith = (lines: readonly Line[]): AdjustmentRefusal | undefined => {
  const nothing = lines.find(({ amount }) => amount === '0')
  if (lines.length < 2 || nothing)
    return {
      reason: 'AdjustmentEmpty',
      message: nothing
        ? `The line of ${nothing.account} moves nothing: give more than 0, or leave it out.`
        : 'An adjustment takes from one account and gives to another: it has two lines at least.',
    }
  if (lines.length > linesMax)
    return {
      reason: 'AdjustmentTooLong',
      message: `An adjustment has ${linesMax} lines at most, and this one has ${lines.length}: make two of it.`,
      lines: lines.length,
    }
  const foreign = lines.find(({ account }) => !adjustable.test(account))
  if (foreign)
    return {
      reason: 'AccountNotAdjustable',
      message: `${foreign.account} is not put right by hand: a bank's balance follows its files, and what is promised to phones their licenses. Name an account of the money book, such as payer:… or merchant:….`,
      account: foreign.account,
    }
  for (const [currency, { debits, credits }] of sums(lines))
    if (debits !== credits)
      return {
        reason: 'AdjustmentUnbalanced',
        message: `Debits of ${formatAmount(debits, currency)} ${currency} and credits of ${formatAmount(credits, currency)} are not equal: each currency balances by itself.`,
        currency,
        debits,
        credits,
      }
  return undefined
}

const sums = (lines: readonly Line[]): Map<Currency, { debits: bigint; credits: bigint }> => {
  const byCurrency = new Map<Currency, { debits: bigint; credits: bigint }>()
  for (const { currency, side, amount } of lines) {
    const sum = byCurrency.get(currency) ?? { debits: 0n, credits: 0n }
    if (side === 'debit') sum.debits += minorUnits(amount)
    else sum.credits += minorUnits(amount)
    byCurrency.set(currency, sum)
  }
  return byCurrency
}

const sameAs = (state: Adjustment, asked: Extract<AdjustmentCommand, { type: 'ProposeAdjustment' }>): boolean =>
  state.operator === asked.operator &&
  state.reason === asked.reason &&
  state.lines.length === asked.lines.length &&
  state.lines.every((line, place) => {
    const other = asked.lines[place] as Line
    return (Object.keys(line) as (keyof Line)[]).every(key => line[key] === other[key])
  })

const differs = (adjustment: string, { operator }: Adjustment): AdjustmentRefusal => ({
  reason: 'AdjustmentDiffers',
  message: `Adjustment ${adjustment} was proposed by ${operator} with other content: another one needs an id of its own.`,
  adjustment,
  operator,
})

const notOpen = (adjustment: string, { state }: Adjustment): AdjustmentRefusal => ({
  reason: 'AdjustmentNotOpen',
  message: `Adjustment ${adjustment} was ${state}: ${state === 'approved' ? 'propose its reverse to take it back' : 'propose it anew, with an id of its own'}.`,
  adjustment,
  state,
})

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Adjustment | undefined, event: AdjustmentEvent): Adjustment | undefined => {
  switch (event.type) {
    case 'AdjustmentProposed': {
      const { lines, operator, reason } = event.data
      return { state: 'proposed', lines, operator, reason }
    }
    case 'AdjustmentApproved':
      return state && { ...state, state: 'approved' }
    case 'AdjustmentRejected':
      return state && { ...state, state: 'rejected' }
  }
}

export const adjustment: Decider<Adjustment | undefined, AdjustmentCommand, AdjustmentEvent, AdjustmentRefusal> = {
  initialState: undefined,
  decide,
  evolve,
}

import { type TransactionState, transactionStates } from './answers.ts'

/** What the address bar may say. Whatever else stands there is left out, so that an old link still opens its page. */

const word = (value: unknown): string | undefined => {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
  return text === '' ? undefined : text
}

const ordinal = (value: unknown): number | undefined => {
  const number = Number(word(value))
  return word(value) !== undefined && Number.isSafeInteger(number) && number >= 0 ? number : undefined
}

export interface TransactionSearch {
  readonly account?: string | undefined
  readonly terminal?: string | undefined
  readonly state?: TransactionState | undefined
  readonly before?: number | undefined
}

export const transactionSearch = (given: Record<string, unknown>): TransactionSearch => ({
  account: word(given['account']),
  terminal: word(given['terminal']),
  state: transactionStates.find(state => state === given['state']),
  before: ordinal(given['before']),
})

export interface BalanceSearch {
  /** Of several, the one that is looked at; the first without. */
  readonly currency?: string | undefined
  /** ISO 8601 in UTC. */
  readonly at?: string | undefined
  readonly knownAt?: number | undefined
}

export const balanceSearch = (given: Record<string, unknown>): BalanceSearch => {
  const at = word(given['at'])
  const currency = word(given['currency'])
  return {
    currency: currency !== undefined && /^[A-Z]{3}$/.test(currency) ? currency : undefined,
    at: at !== undefined && !Number.isNaN(Date.parse(at)) ? new Date(at).toISOString() : undefined,
    knownAt: ordinal(given['knownAt']),
  }
}

export interface ReconciliationSearch {
  readonly only?: 'differing' | undefined
}

export const reconciliationSearch = (given: Record<string, unknown>): ReconciliationSearch => ({
  only: given['only'] === 'differing' ? 'differing' : undefined,
})

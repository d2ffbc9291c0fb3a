import type { Subjects } from '#eventstore/rows'
import { understood } from '#ledger/vocabulary'

/** Rows that are an account's own: they follow from the events that name it, and from no others. */
export const ofAccounts = (rowsOf: Subjects['rowsOf']): Subjects => ({
  touches: logged => {
    const event = understood(logged)
    // An adjustment names accounts of the ledger, payers among them.
    if (event?.type === 'AdjustmentApproved')
      return [...new Set(event.data.lines.flatMap(({ account }) => /^payer:(.+)$/s.exec(account)?.[1] ?? []))]
    return event && 'account' in event.data && typeof event.data.account === 'string' ? [event.data.account] : []
  },
  rowsOf,
})

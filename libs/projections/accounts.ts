import type { Subjects } from '#eventstore/rows'
import { understood } from '#ledger/vocabulary'

/** Rows that are an account's own: they follow from the events that name it, and from no others. */
export const ofAccounts = (rowsOf: Subjects['rowsOf']): Subjects => ({
  touches: logged => {
    const event = understood(logged)
    return event && 'account' in event.data && typeof event.data.account === 'string' ? [event.data.account] : []
  },
  rowsOf,
})

import type { Decider } from '#canonical/decider'
import type { ExceptionEvent } from './events.ts'

/** One difference: raised once, whoever finds it, and closed once, when what was missing has come. */

type ExceptionCommand = { readonly type: 'Resolve'; readonly key: string; readonly why: string }
type Exception = 'unknown' | 'open' | 'resolved'

export const exception: Decider<Exception, ExceptionCommand, ExceptionEvent> = {
  initialState: 'unknown',
  // What was never raised needs no closing: the record was here before anybody missed it.
  decide: ({ key, why }, state) => (state === 'open' ? [{ type: 'ExceptionResolved', data: { key, why } }] : []),
  evolve: (_, event) => {
    switch (event.type) {
      case 'ExceptionRaised':
        return 'open'
      case 'ExceptionResolved':
        return 'resolved'
    }
  },
}

import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'
import { instant, name } from '#canonical/fields'

/**
 * `delivery-<entry>`: what leaves the house, and how often it was tried. Whoever sends has leased the entry before, in
 * the log, where only one of two can be first: two workers never send the same at once, unless a lease ran out. After a
 * crash it is sent again, under the same id.
 */

/* ------------------------------------------------------------------ words */

const worker = name

export const deliveryWords = {
  DeliveryLeased: word(z.object({ entry: z.uuid(), worker, until: instant })),
  DeliveryMade: word(z.object({ entry: z.uuid(), worker })),
  DeliveryFailed: word(
    z.object({ entry: z.uuid(), worker, attempt: z.int().positive(), why: z.string().max(500), next: instant }),
  ),
}

export type DeliveryEvent = FactOf<typeof deliveryWords>

export type DeliveryCommand = { readonly entry: string; readonly worker: string } & (
  | { readonly type: 'LeaseDelivery'; readonly at: string; readonly until: string }
  | { readonly type: 'NoteDelivered' }
  | { readonly type: 'NoteFailed'; readonly at: string; readonly why: string }
)

export type DeliveryRefusal = Refusal & {
  readonly reason: 'DeliveryAlreadyMade' | 'DeliveryLeasedByAnother' | 'DeliveryNotDue'
}

/* ------------------------------------------------------------------ state */

export type Delivery = {
  readonly made: boolean
  readonly failures: number
  readonly lease: { readonly worker: string; readonly until: string } | undefined
  /** Not before, after a failure. */
  readonly next: string | undefined
}

const initialState: Delivery = { made: false, failures: 0, lease: undefined, next: undefined }

/** Five seconds, and twice as long after each failure, up to an hour. */
const first_ms = 5_000
const longest_ms = 3_600_000

/* ----------------------------------------------------------------- decide */

const decide = (command: DeliveryCommand, state: Delivery): readonly DeliveryEvent[] | DeliveryRefusal => {
  const { entry, worker } = command
  const { made, failures, lease, next } = state
  switch (command.type) {
    case 'LeaseDelivery': {
      const { at, until } = command
      if (made) return { reason: 'DeliveryAlreadyMade', message: `Entry ${entry} was delivered: send another one.` }
      if (lease && at < lease.until)
        return {
          reason: 'DeliveryLeasedByAnother',
          message: `Entry ${entry} is with ${lease.worker} until ${lease.until}: if it is not delivered then, lease it.`,
          until: lease.until,
        }
      if (next !== undefined && at < next)
        return { reason: 'DeliveryNotDue', message: `Entry ${entry} failed and is tried again at ${next}.`, next }
      return [{ type: 'DeliveryLeased', data: { entry, worker, until } }]
    }
    case 'NoteDelivered':
      // Also of one whose lease ran out meanwhile: it has arrived, and nobody need send it again.
      return made ? [] : [{ type: 'DeliveryMade', data: { entry, worker } }]
    case 'NoteFailed': {
      if (made || lease?.worker !== worker) return []
      const wait_ms = Math.min(longest_ms, first_ms * 2 ** failures)
      const next = new Date(Date.parse(command.at) + wait_ms).toISOString()
      const why = command.why.slice(0, 500)
      return [{ type: 'DeliveryFailed', data: { entry, worker, attempt: failures + 1, why, next } }]
    }
  }
}

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Delivery, event: DeliveryEvent): Delivery => {
  switch (event.type) {
    case 'DeliveryLeased': {
      const { worker, until } = event.data
      return { ...state, lease: { worker, until }, next: undefined }
    }
    case 'DeliveryMade':
      return { ...state, made: true, lease: undefined }
    case 'DeliveryFailed':
      return { ...state, failures: event.data.attempt, lease: undefined, next: event.data.next }
  }
}

export const delivery: Decider<Delivery, DeliveryCommand, DeliveryEvent, DeliveryRefusal> = {
  initialState,
  decide,
  evolve,
}

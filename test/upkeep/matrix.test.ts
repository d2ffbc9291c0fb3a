import { followerWords, upkeep } from '#upkeep'
import { delivery, deliveryWords } from '#upkeep/delivery'
import { centreMode, modeWords } from '#upkeep/mode'
import { originOrders, originWords } from '#upkeep/origin'
import { matrix } from '../matrix.ts'

const event = '00000000-0000-8000-8000-00000000000a'
const follower = { follower: 'balances' }
const stop = { type: 'StopFollower', ...follower, index: 7, event, eventType: 'PaymentAccepted', why: '13' } as const
const byDisk = { ...stop, event: null, eventType: null }
const skip = { type: 'SkipEvent', ...follower, index: 7, event, reason: 'a typo' } as const
const retry = { type: 'RetryFollower', ...follower, reason: 'the disk was full' } as const

matrix('a follower', upkeep, followerWords, {
  states: {
    running: [],
    'stopped at 7': [stop],
    'stopped by its disk': [byDisk],
    skipped: [stop, skip],
    'tried again': [stop, retry],
  },
  commands: {
    StopFollower: { 'stop at 7': stop, 'stop at 9': { ...stop, index: 9 }, 'stop by the disk': byDisk },
    SkipEvent: { 'skip 7': skip, 'skip 8': { ...skip, index: 8 } },
    RetryFollower: { retry },
  },
  refusals: { FollowerNotStopped: true, StoppedAtAnother: true },
  rows: `
    running             | stop at 7        | FollowerStopped
                        | stop by the disk | FollowerStopped
                        | skip 7           | refused FollowerNotStopped
                        | retry            | refused FollowerNotStopped
    stopped at 7        | stop at 7        | already so
                        | stop at 9        | FollowerStopped
                        | skip 7           | EventSkipped
                        | skip 8           | refused StoppedAtAnother
                        | retry            | FollowerRetried
    stopped by its disk | stop by the disk | already so
                        | skip 7           | refused StoppedAtAnother
                        | retry            | FollowerRetried
    skipped             | skip 7           | already so
                        | stop at 9        | FollowerStopped
                        | retry            | refused FollowerNotStopped
    tried again         | stop at 7        | FollowerStopped
                        | skip 7           | refused FollowerNotStopped
                        | retry            | refused FollowerNotStopped
  `,
})

const at = (minute: number): string => new Date(Date.UTC(2026, 10, 23, 9, minute)).toISOString()
const entry = { entry: event }
const lease = (worker: string, from: number) =>
  ({ type: 'LeaseDelivery', ...entry, worker, at: at(from), until: at(from + 2) }) as const
const made = { type: 'NoteDelivered', ...entry, worker: 'a' } as const
const fail = { type: 'NoteFailed', ...entry, worker: 'a', at: at(1), why: 'no answer' } as const

matrix('a delivery', delivery, deliveryWords, {
  states: {
    waiting: [],
    'with a': [lease('a', 0)],
    failed: [lease('a', 0), fail],
    'with b, since a was silent': [lease('a', 0), lease('b', 3)],
    made: [lease('a', 0), made],
  },
  commands: {
    LeaseDelivery: {
      'b asks at once': lease('b', 1),
      'b asks after the lease': lease('b', 9),
      'b asks too early': { ...lease('b', 1), at: '2026-11-23T09:01:04.999Z' },
    },
    NoteDelivered: { 'a delivered': made },
    NoteFailed: { 'a failed': fail },
  },
  refusals: { DeliveryAlreadyMade: true, DeliveryLeasedByAnother: true, DeliveryNotDue: true },
  rows: `
    waiting                    | b asks at once         | DeliveryLeased
    with a                     | b asks at once         | refused DeliveryLeasedByAnother
                               | b asks after the lease | DeliveryLeased
                               | a delivered            | DeliveryMade
                               | a failed               | DeliveryFailed
    failed                     | b asks too early       | refused DeliveryNotDue
                               | b asks after the lease | DeliveryLeased
                               | a delivered            | DeliveryMade
                               | a failed               | already so
    with b, since a was silent | b asks after the lease | DeliveryLeased
                               | a delivered            | DeliveryMade
                               | a failed               | already so
    made                       | b asks after the lease | refused DeliveryAlreadyMade
                               | a delivered            | already so
                               | a failed               | already so
  `,
})

const order = { type: 'OrderOrigin', after: 'log-1', found: 'CentreWentBack', reason: 'the backup was old' } as const

matrix('an order of a new origin', originOrders, originWords, {
  states: { nothing: [], ordered: [order] },
  commands: { OrderOrigin: { order, 'order after another': { ...order, after: 'log-2' } } },
  refusals: {},
  rows: `
    nothing | order               | OriginOrdered
    ordered | order               | already so
            | order after another | OriginOrdered
  `,
})

const test = { type: 'FoundCentre', mode: 'test' } as const
const live = { type: 'FoundCentre', mode: 'live' } as const

matrix('whether a centre is of test or of real money', centreMode, modeWords, {
  states: { nothing: [], 'a test centre': [test], 'a live centre': [live] },
  commands: { FoundCentre: { test, live } },
  refusals: { ModeMismatch: true },
  rows: `
    nothing       | test | CentreFounded
                  | live | CentreFounded
    a test centre | test | already so
                  | live | refused ModeMismatch
    a live centre | test | refused ModeMismatch
                  | live | already so
  `,
})

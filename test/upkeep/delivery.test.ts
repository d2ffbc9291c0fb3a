import { describe, it } from 'vitest'
import { type DeliveryEvent, delivery, deliveryWords } from '#upkeep/delivery'
import { deciding, refused } from '../given.ts'

const given = deciding(delivery, deliveryWords)
const entry = '00000000-0000-8000-8000-00000000000a'
const at = (minutes: number, seconds = 0) => new Date(Date.UTC(2026, 10, 23, 9, minutes, seconds)).toISOString()
const lease = (worker: string, from: number) => ({
  type: 'LeaseDelivery' as const,
  entry,
  worker,
  at: at(from),
  until: at(from, 30),
})
const leased = (worker: string, from: number): DeliveryEvent => ({
  type: 'DeliveryLeased',
  data: { entry, worker, until: at(from, 30) },
})
const done = (worker: string) => ({ type: 'NoteDelivered' as const, entry, worker })
const made = (worker: string): DeliveryEvent => ({ type: 'DeliveryMade', data: { entry, worker } })
const fail = (worker: string, from: number) => ({
  type: 'NoteFailed' as const,
  entry,
  worker,
  at: at(from),
  why: 'no answer',
})
const failed = (worker: string, attempt: number, next: string): DeliveryEvent => ({
  type: 'DeliveryFailed',
  data: { entry, worker, attempt, why: 'no answer', next },
})

describe('an entry that is to leave the house', () => {
  it('is leased by one worker', () => given().when(lease('a', 0)).then(leased('a', 0)))
  it('is with that one until the lease runs out', () => {
    given(leased('a', 0))
      .when(lease('b', 0))
      .then(refused('DeliveryLeasedByAnother', { until: at(0, 30) }))
    given(leased('a', 0)).when(lease('a', 0)).then(refused('DeliveryLeasedByAnother'))
  })
  it('and is then anybody’s: the worker may be dead', () =>
    given(leased('a', 0)).when(lease('b', 1)).then(leased('b', 1)))
  it('is delivered once, also by one whose lease ran out', () => {
    given(leased('a', 0)).when(done('a')).then(made('a'))
    given(leased('a', 0), leased('b', 1)).when(done('a')).then(made('a'))
    given(leased('a', 0), leased('b', 1), made('a')).when(done('b')).then()
    given(leased('a', 0), made('a')).when(lease('b', 5)).then(refused('DeliveryAlreadyMade'))
  })
  it('that failed waits, twice as long after each failure, and an hour at most', () => {
    given(leased('a', 0))
      .when(fail('a', 1))
      .then(failed('a', 1, at(1, 5)))
    given(leased('a', 0), failed('a', 1, at(1, 5)), leased('b', 2))
      .when(fail('b', 2))
      .then(failed('b', 2, at(2, 10)))
    given(leased('a', 0), failed('a', 50, at(1)), leased('b', 2))
      .when(fail('b', 2))
      .then(failed('b', 51, at(62)))
    given(leased('a', 0), failed('a', 1, at(5)))
      .when(lease('b', 4))
      .then(refused('DeliveryNotDue', { next: at(5) }))
    given(leased('a', 0), failed('a', 1, at(5)))
      .when(lease('b', 5))
      .then(leased('b', 5))
  })
  it('whose failure is told by one that no longer has it, has not failed', () => {
    given(leased('a', 0), leased('b', 1)).when(fail('a', 1)).then()
    given(leased('a', 0), leased('b', 1), made('b')).when(fail('a', 1)).then()
  })
})

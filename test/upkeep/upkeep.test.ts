import { describe, it } from 'vitest'
import { type FollowerEvent, followerWords, upkeep } from '#upkeep'
import { deciding, refused } from '../given.ts'

const given = deciding(upkeep, followerWords)
const follower = 'balances'
const event = '00000000-0000-8000-8000-00000000000a'
const other = '00000000-0000-8000-8000-00000000000b'
const stop = (index: number, event: string | null = '00000000-0000-8000-8000-00000000000a') => ({
  type: 'StopFollower' as const,
  follower,
  index,
  event,
  eventType: event === null ? null : 'PaymentAccepted',
  why: 'thirteen',
})
const stopped = (index: number, id: string | null = event): FollowerEvent => ({
  type: 'FollowerStopped',
  data: { follower, index, event: id, type: id === null ? null : 'PaymentAccepted', why: 'thirteen' },
})
const skip = (index: number, event: string) => ({
  type: 'SkipEvent' as const,
  follower,
  index,
  event,
  reason: 'a typo',
})
const skipped = (index: number): FollowerEvent => ({
  type: 'EventSkipped',
  data: { follower, index, event, reason: 'a typo' },
})
const retry = { type: 'RetryFollower' as const, follower, reason: 'the disk was full' }
const retried = (index: number): FollowerEvent => ({
  type: 'FollowerRetried',
  data: { follower, index, reason: 'the disk was full' },
})

describe('a follower that stopped', () => {
  it('is told', () => given().when(stop(7)).then(stopped(7)))
  it('once, however many nodes and starts meet the same event', () => given(stopped(7)).when(stop(7)).then())
  it('and again when it was tried again, or stopped elsewhere', () => {
    given(stopped(7), retried(7)).when(stop(7)).then(stopped(7))
    given(stopped(7)).when(stop(9, other)).then(stopped(9, other))
  })
  it('by no event: a disk failed', () => given().when(stop(7, null)).then(stopped(7, null)))
  it('for a reason as long as a book is told its beginning', () => {
    const told = stopped(7)
    given()
      .when({ ...stop(7), why: 'x'.repeat(5000) })
      .then({ ...told, data: { ...told.data, why: 'x'.repeat(1000) } } as FollowerEvent)
  })
})

describe('an operator', () => {
  it('has it pass over the event that it is stopped at', () => given(stopped(7)).when(skip(7, event)).then(skipped(7)))
  it('names that event: whoever looked at another skips nothing', () => {
    given(stopped(7))
      .when(skip(7, other))
      .then(refused('StoppedAtAnother', { index: 7, event }))
    given(stopped(7))
      .when(skip(8, event))
      .then(refused('StoppedAtAnother', { index: 7, event }))
  })
  it('cannot skip what is no event', () =>
    given(stopped(7, null))
      .when(skip(7, event))
      .then(refused('StoppedAtAnother', { event: null })))
  it('nor where nothing is stopped', () => {
    given().when(skip(7, event)).then(refused('FollowerNotStopped', { follower }))
    given(stopped(7), retried(7)).when(skip(7, event)).then(refused('FollowerNotStopped'))
    given().when(retry).then(refused('FollowerNotStopped'))
  })
  it('asked twice has skipped once', () => given(stopped(7), skipped(7)).when(skip(7, event)).then())
  it('has it try again', () => given(stopped(7)).when(retry).then(retried(7)))
  it('of one that went on, there is nothing to retry', () =>
    given(stopped(7), skipped(7)).when(retry).then(refused('FollowerNotStopped')))
})

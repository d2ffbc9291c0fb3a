import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { nodeCrypto } from '#machine/crypto'
import { type QuarantineEvent, quarantineWords } from '#sync/events'
import { batchHash, begunBy, type Quarantine, quarantine, quarantineMax, waitingIn } from '#sync/quarantine'
import { deciding, refused } from '../given.ts'

const given = deciding(quarantine, quarantineWords)
const hash = (name: string): string => createHash('sha256').update(name).digest('hex')
const fact = (name: string, change: object = {}) => ({
  terminal: 'T-1',
  batch: hash(name),
  from: 0,
  count: 5,
  head: hash(`head of ${name}`),
  octets: 4000,
  parts: 1,
  statement: 'hEOh',
  statementHash: hash(`statement of ${name}`),
  chained: true,
  refused: 'TerminalRetired',
  message: 'It is retired.',
  sales: [{ currency: 'EUR', count: 2, sum: '1550' }],
  receivedAt: '2026-11-23T12:00:00.000Z',
  ...change,
})
const keep = (name: string, change: object = {}) => ({ type: 'Keep' as const, ...fact(name, change) })
const kept = (name: string, change: object = {}): QuarantineEvent => ({
  type: 'BatchQuarantined',
  data: fact(name, change),
})
const named = (name: string) => ({ terminal: 'T-1', batch: hash(name), reason: 'looked at' })
const release = (name: string) => ({ type: 'Release' as const, ...named(name) })
const reject = (name: string) => ({ type: 'Reject' as const, ...named(name) })
const released: QuarantineEvent = { type: 'QuarantineReleased', data: named('a') }
const rejected: QuarantineEvent = { type: 'QuarantineRejected', data: named('a') }

describe('a refused batch', () => {
  it('is kept', () => given().when(keep('a')).then(kept('a')))
  it('once, however often it comes', () => given(kept('a')).when(keep('a')).then())
  it('once for its statement', () =>
    given(kept('a'))
      .when(keep('b', { statementHash: hash('statement of a') }))
      .then())
  it('and what another put under its statement does not keep it out', () =>
    given(kept('forged', { statementHash: hash('statement of a'), chained: false }))
      .when(keep('a'))
      .then(kept('a')))
  it('is not kept anew after it was decided', () => given(kept('a'), rejected).when(keep('a')).then())
  it('is let in', () => given(kept('a')).when(release('a')).then(released))
  it('is let in once', () => given(kept('a'), released).when(release('a')).then())
  it('is rejected', () => given(kept('a')).when(reject('a')).then(rejected))
  it('is rejected once', () => given(kept('a'), rejected).when(reject('a')).then())
  it('is not let in when it was rejected', () =>
    given(kept('a'), rejected).when(release('a')).then(refused('BatchRejected')))
  it('is not rejected when it was let in', () =>
    given(kept('a'), released).when(reject('a')).then(refused('BatchReleased')))
  it('that nobody sent is unknown', async () => {
    given().when(release('a')).then(refused('BatchUnknown'))
    given().when(reject('a')).then(refused('BatchUnknown'))
  })
  it('that came again with more behind it is decided as the longer one', () => {
    const both = [kept('a'), kept('b', { extends: hash('a'), count: 9 })] as const
    given(...both)
      .when(release('a'))
      .then(refused('BatchContinued'))
    given(...both)
      .when(reject('a'))
      .then(refused('BatchContinued'))
    given(...both)
      .when(reject('b'))
      .then({ type: 'QuarantineRejected', data: named('b') })
  })
})

describe('a quarantine that is full', () => {
  const many = Array.from({ length: quarantineMax.batches }, (_, at) => kept(`${at}`))
  const full = refused('QuarantineFull', { batches: quarantineMax.batches })
  it('keeps no more batches', () =>
    given(...many)
      .when(keep('more'))
      .then(full))
  it('keeps one that goes on where a kept one ended: it takes that one’s place', () =>
    given(...many)
      .when(keep('more', { extends: hash('3') }))
      .then(kept('more', { extends: hash('3') })))
  it('keeps no more octets, those of what is extended counted', () => {
    const half = quarantineMax.octets / 2
    given(kept('a', { octets: half }), kept('b', { extends: hash('a'), octets: half }))
      .when(keep('c', { octets: 1 }))
      .then(refused('QuarantineFull', { octets: quarantineMax.octets }))
  })
  it('has room again when one was decided', () =>
    given(...many, { type: 'QuarantineRejected', data: named('7') })
      .when(keep('more'))
      .then(kept('more')))
})

it('finds the longest kept batch that another begins with, and none that differs in an octet', () => {
  const crypto = nodeCrypto()
  const events = ['a', 'b', 'c', 'd']
  const hashOf = (count: number) => batchHash(crypto, 'T-1', { from: 0, events: events.slice(0, count) })
  const state = [1, 3].reduce<Quarantine>(
    (state, count) => quarantine.evolve(state, kept(`${count}`, { batch: hashOf(count), count })),
    quarantine.initialState,
  )
  const body = { from: 0, events, statement: '' }
  expect(begunBy(crypto, state, 'T-1', body)).toBe(hashOf(3))
  expect(begunBy(crypto, state, 'T-1', { ...body, events: ['a', 'b', 'C', 'd'] })).toBe(hashOf(1))
  expect(begunBy(crypto, state, 'T-1', { ...body, events: ['A', 'b', 'c', 'd'] })).toBeUndefined()
  expect(begunBy(crypto, state, 'T-2', body)).toBeUndefined()
  expect(waitingIn(state).kept).toHaveLength(2)
})

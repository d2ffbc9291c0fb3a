import { describe, expect, it } from 'vitest'
import {
  type Access,
  idle_ms,
  longest_ms,
  readToken,
  seen,
  sessionOf,
  sessionsMax,
  sessionToken,
  withoutSession,
  withSession,
} from '#operator/access'
import { weakness } from '#operator/passwords'
import { throttle } from '#operator/throttle'

const none: Access = { password: 'x', oneTime: false, sessions: [] }
const hash = (n: number): string => n.toString(16).padStart(64, '0')

describe('a session', () => {
  it('ends half an hour after it was last heard of', () => {
    const held = withSession(none, hash(1), 0)
    expect(sessionOf(held, hash(1), idle_ms - 1)).toBeDefined()
    expect(sessionOf(held, hash(1), idle_ms)).toBeUndefined()
    const heard = seen(held, hash(1), idle_ms - 1) as Access
    expect(sessionOf(heard, hash(1), 2 * idle_ms - 2)).toBeDefined()
    expect(sessionOf(heard, hash(1), 2 * idle_ms - 1)).toBeUndefined()
  })
  it('ends half a day after it began, whatever was asked', () => {
    let held = withSession(none, hash(1), 0)
    for (let at = 60_000; at < longest_ms; at += 60_000) held = seen(held, hash(1), at) ?? held
    expect(sessionOf(held, hash(1), longest_ms - 1)).toBeDefined()
    expect(sessionOf(held, hash(1), longest_ms)).toBeUndefined()
  })
  it('is written anew once a minute, and not at each request', () => {
    const held = withSession(none, hash(1), 0)
    expect(seen(held, hash(1), 59_999)).toBeUndefined()
    expect(seen(held, hash(1), 60_000)?.sessions).toMatchObject([{ seen_ms: 60_000 }])
    expect(seen(held, hash(2), 60_000)).toBeUndefined()
  })
  it('gives way to the latest ones, and is gone when it is ended', () => {
    let held = none
    for (let n = 0; n < sessionsMax + 3; n++) held = withSession(held, hash(n), n)
    expect(held.sessions).toHaveLength(sessionsMax)
    expect(sessionOf(held, hash(2), 20)).toBeUndefined()
    expect(sessionOf(held, hash(3), 20)).toBeDefined()
    expect(sessionOf(withoutSession(held, hash(3)), hash(3), 20)).toBeUndefined()
  })
  it.each([
    '',
    ':',
    'olga',
    `olga:${'A'.repeat(42)}`,
    `olga:${'A'.repeat(44)}`,
    `OLGA:${'A'.repeat(43)}`,
    `olga:${'A'.repeat(43)}:x`,
    `olga:${'ä'.repeat(43)}`,
    `../heads:${'A'.repeat(43)}`,
    `:${'A'.repeat(43)}`,
  ])('is not opened by %j', token => expect(readToken(token)).toBeUndefined())
  it('is known by its token', () =>
    expect(readToken(sessionToken('olga', 'A'.repeat(43)))).toEqual({ operator: 'olga', secret: 'A'.repeat(43) }))
})

describe('wrong passwords', () => {
  const olga = { name: 'olga', address: '10.0.0.7' }
  const failing = (times: number, attempt = olga) => {
    const tries = throttle()
    for (let n = 0; n < times; n++) tries.tried(attempt, 0)
    return tries
  }
  it('cost nothing five times, and then a wait that doubles to five minutes', () => {
    expect(failing(4).wait_ms(olga, 0)).toBe(0)
    expect([5, 6, 7, 20].map(times => failing(times).wait_ms(olga, 0))).toEqual([1000, 2000, 4000, 300_000])
    expect(failing(20).wait_ms(olga, 299_999)).toBe(1)
    expect(failing(20).wait_ms(olga, 300_000)).toBe(0)
  })
  it('of one name at one address stop neither another name nor another address', () => {
    expect(failing(20).wait_ms({ ...olga, name: 'pia' }, 0)).toBe(0)
    expect(failing(20).wait_ms({ ...olga, address: '10.0.0.8' }, 0)).toBe(0)
  })
  it('of many names at one address stop the address', () => {
    const tries = throttle()
    for (let n = 0; n < 40; n++) tries.tried({ ...olga, name: `n${n}` }, 0)
    expect(tries.wait_ms({ ...olga, name: 'somebody' }, 0)).toBeGreaterThan(0)
  })
  it('of one name at many addresses slow the name, but never at the machine itself', () => {
    const tries = throttle()
    for (let n = 0; n < 500; n++) tries.tried({ ...olga, address: `10.1.${n >> 8}.${n & 255}` }, 0)
    expect(tries.wait_ms(olga, 0)).toBe(30_000)
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
      expect([address, tries.wait_ms({ ...olga, address }, 0)]).toEqual([address, 0])
    expect(tries.wait_ms({ ...olga, address: '127.0.0.1.evil.example' }, 0)).toBe(30_000)
  })
  it('are forgotten by the right one, and by time', () => {
    const tries = failing(20)
    tries.succeeded(olga)
    expect(tries.wait_ms(olga, 0)).toBe(0)
    const later = failing(20)
    later.tried(olga, 60 * 60_000)
    expect(later.wait_ms(olga, 60 * 60_000)).toBe(0)
  })
  it('of names without end are not all remembered', () => {
    const tries = failing(20)
    for (let n = 0; n < 12_000; n++) tries.tried({ name: `n${n}`, address: `a${n}` }, 1)
    expect(tries.wait_ms(olga, 1)).toBe(0)
  })
})

it.each([
  ['eleven chr', 'too short'],
  ['aaaaaaaaaaaaaaaaaaaa', 'one letter'],
  ['olgaolgaolga', 'the name'],
  ['OLGA-OLGA-OLGA1', 'the name, loudly'],
  ['x1y2z'.repeat(60), 'too long'],
])('%j is no password: %s', password => {
  expect(weakness('olga', password)).toMatchObject({ reason: 'PasswordTooWeak', least: 12, most: 256 })
})
it.each(['correct horse battery', 'пароль длинный', '🐎🔋📎🧷🪢🐎🔋📎🧷🪢🐎🔋'])('%j is one', password =>
  expect(weakness('olga', password)).toBeUndefined(),
)

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Event, type Fact, word } from '#canonical/event'
import { memoryStore } from '#eventstore/memory'
import { expiry } from '#evidence/expiry'
import { crypto, writer } from '../trade.ts'

const issued = (license: string, expires: string): Fact => ({
  type: 'LicenseIssued',
  data: {
    license,
    account: 'anna',
    card: '9250000000000017',
    currency: 'EUR',
    allowance: '5000',
    document: 'AAAA',
    publicKey: 'AAAA',
    expires,
  },
})
const hour = (instant: string): Fact => ({ type: 'HourStruck', data: { instant } })

const scene = () => {
  const store = memoryStore(() => '2026-11-23T09:00:00.000Z')
  const write = writer(store)
  /** A reactor that is told all that is in the log, from the first event. */
  const tell = async () => {
    const reactor = expiry({ store, crypto, salt: () => 'c2FsdHNhbHRzYWx0c2FsdA' })
    for (const { type, text } of [...store.events]) if (reactor.wants(type)) await reactor.handle(JSON.parse(text))
  }
  const ended = () =>
    store.events
      .filter(({ type }) => type === 'LicenseExpired')
      .map(({ text }) => {
        const { stream, at } = JSON.parse(text) as Event
        return `${stream} ${at}`
      })
  const strike = (instant: string) => write('calendar', instant, hour(instant))
  return { store, write, strike, tell, ended }
}
const at = (time: string) => `2026-11-23T${time}.000Z`

describe('licenses end', () => {
  it('on the first hour that is not before their time', async () => {
    const { write, strike, tell, ended } = scene()
    await write('license-a', at('08:00:00'), issued('a', at('10:00:00')))
    await write('license-b', at('08:00:00'), issued('b', at('10:00:01')))
    for (const time of ['09:00:00', '10:00:00', '11:00:00']) await strike(at(time))
    await tell()
    expect(ended()).toEqual([`license-a ${at('10:00:00')}`, `license-b ${at('11:00:00')}`])
  })

  it('once, however often the reactor begins', async () => {
    const { store, write, strike, tell } = scene()
    await write('license-a', at('08:00:00'), issued('a', at('09:30:00')))
    await strike(at('10:00:00'))
    await tell()
    const texts = store.events.map(({ text }) => text)
    for (let time = 0; time < 3; time++) await tell()
    expect(store.events.map(({ text }) => text)).toEqual(texts)
  })

  it('once, whatever a newer version wrote of them after; before, nobody can say', async () => {
    const { store, write, strike, tell, ended } = scene()
    const newer = writer(store, { LicenseLent: word(z.looseObject({})) })
    await write('license-a', at('08:00:00'), issued('a', at('09:30:00')))
    await strike(at('10:00:00'))
    await tell()
    await newer('license-a', at('10:30:00'), { type: 'LicenseLent', data: {} })
    await tell()
    expect(ended()).toEqual([`license-a ${at('10:00:00')}`])
    await write('license-b', at('10:40:00'), issued('b', at('10:50:00')))
    await newer('license-b', at('10:45:00'), { type: 'LicenseLent', data: {} })
    await strike(at('11:00:00'))
    await expect(tell()).rejects.toMatchObject({ code: 'NewerThanKnown' })
  })

  it('not if they were revoked', async () => {
    const { write, strike, tell, ended } = scene()
    const revoked = { type: 'LicenseRevoked', data: { license: 'a', account: 'anna', why: 'lost' } }
    await write('license-a', at('08:00:00'), issued('a', at('09:30:00')), revoked)
    await strike(at('10:00:00'))
    await tell()
    expect(ended()).toEqual([])
  })

  it('in a log whose calendar began after them', async () => {
    const { write, strike, tell, ended } = scene()
    await write('license-b', at('01:00:00'), issued('b', at('03:00:00')))
    await write('license-a', at('01:00:00'), issued('a', at('02:00:00')))
    await strike(at('09:00:00'))
    await tell()
    expect(ended()).toEqual([`license-a ${at('09:00:00')}`, `license-b ${at('09:00:00')}`])
  })

  it('with hours missing between, and when they came late into the log', async () => {
    const { write, strike, tell, ended } = scene()
    await write('license-a', at('01:00:00'), issued('a', at('04:00:00')))
    await strike(at('02:00:00'))
    await strike(at('09:00:00'))
    await write('license-b', at('09:10:00'), issued('b', at('03:00:00')))
    await strike(at('10:00:00'))
    await tell()
    expect(ended()).toEqual([`license-a ${at('09:00:00')}`, `license-b ${at('10:00:00')}`])
  })
})

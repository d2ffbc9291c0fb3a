import { afterEach, describe, expect, it } from 'vitest'
import { type Served, serve } from '#http/serve'
import { terminalModule } from '../../apps/terminal/api.ts'
import { atTerminal } from '../scenarios/hand.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** A till whose policy names the hour at which its day turns, through the API that its page uses. */

let world: World
let served: Served
afterEach(async () => {
  await served.close()
  await world.end()
})

const open = async (at: string, rollOver_hour: number | undefined) => {
  world = await makeWorld({ seed: 'rollover', from_ms: Date.parse(at) })
  await setHour(rollOver_hour)
  const log = { info: () => {}, error: () => {} }
  served = await serve({ module: terminalModule(world.till()), port: 0, host: '127.0.0.1', pages: undefined, log })
}
const setHour = async (rollOver_hour: number | undefined) => {
  if (rollOver_hour === undefined) return
  const asked = { currency: 'EUR' as const, change: { rollOver_hour }, reason: 'a bar', by: 'operator:test' }
  orThrow(await world.centre().book.setPolicy(asked))
  orThrow(await world.sync())
}
const send = async (method: 'GET' | 'POST', path: string, body?: object) => {
  const headers = { 'content-type': 'application/json' }
  const asked = body ? { method, headers, body: JSON.stringify(body) } : { method }
  return (await (await fetch(`${served.url}${path}`, asked)).json()) as Record<string, unknown>
}
const at = (moment: string): void => void (world.clock.at = Date.parse(moment))
/** Keys a sale at this moment and taps it; the date that its record bears. */
const sellAt = async (moment: string): Promise<string | undefined> => {
  at(moment)
  expect(await send('POST', '/api/sales', { amount: '1.00', currency: 'EUR' })).toMatchObject({ state: 'waiting' })
  expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
  return atTerminal(world, 'TransactionRecorded').at(-1)?.data.businessDate
}

describe('the night', () => {
  it.each([
    ['of 24 hours', '2026-11-23', '2026-11-24', '+01:00', '+01:00'],
    ['of 23 hours', '2027-03-27', '2027-03-28', '+01:00', '+02:00'],
    ['of 25 hours', '2026-10-24', '2026-10-25', '+02:00', '+01:00'],
  ])(
    '%s: sales before the hour are yesterday’s, and the first after it closes that day',
    async (_, eve, date, from, to) => {
      await open(`${eve}T20:00:00${from}`, 4)
      expect(world.till().till.day?.businessDate).toBe(eve)
      for (const moment of [`${eve}T23:59:00${from}`, `${date}T00:01:00${from}`, `${date}T03:59:59${to}`])
        expect([moment, await sellAt(moment)]).toEqual([moment, eve])
      expect(atTerminal(world, 'DayRolledOver')).toEqual([])
      // Nobody presses the day on before its hour, either.
      expect(await send('POST', '/api/day/open', {})).toMatchObject({ businessDate: eve, forgotten: false })
      at(`${date}T04:00:00${to}`)
      expect(await send('GET', '/api/day')).toMatchObject({ businessDate: eve, forgotten: true })
      expect(await sellAt(`${date}T04:00:00${to}`)).toBe(date)
      const [rolled] = atTerminal(world, 'DayRolledOver')
      expect(rolled?.data).toMatchObject({
        businessDate: date,
        closed: { businessDate: eve, zNumber: 1, totals: { sales: { count: 3, sum: '300' } } },
      })
      expect(await send('GET', '/api/day/last')).toMatchObject({ last: { businessDate: eve, rolledOver: true } })
      expect(await sellAt(`${date}T23:00:00${to}`)).toBe(date)
      expect(atTerminal(world, 'DayRolledOver')).toHaveLength(1)
    },
  )
})

it('a till that was left for a week goes on with the day that is, and says that it closed one', async () => {
  await open('2026-11-23T20:00:00+01:00', 4)
  expect(await sellAt('2026-11-23T21:00:00+01:00')).toBe('2026-11-23')
  expect(await sellAt('2026-11-26T02:00:00+01:00')).toBe('2026-11-25')
  expect(atTerminal(world, 'DayRolledOver').map(({ data }) => [data.closed?.businessDate, data.businessDate])).toEqual([
    ['2026-11-23', '2026-11-25'],
  ])
})

it('without an hour a forgotten day takes sales until somebody opens the next', async () => {
  await open('2026-11-23T20:00:00+01:00', undefined)
  expect(await sellAt('2026-11-24T12:00:00+01:00')).toBe('2026-11-23')
  expect(await send('POST', '/api/day/open', {})).toMatchObject({ businessDate: '2026-11-24' })
  expect(await sellAt('2026-11-24T12:01:00+01:00')).toBe('2026-11-24')
})

it('a day opened after midnight before the hour is the evening’s, and an hour that comes later shuts no till', async () => {
  await open('2026-11-24T00:30:00+01:00', undefined)
  expect(world.till().till.day?.businessDate).toBe('2026-11-24')
  expect(await send('POST', '/api/day/close')).toMatchObject({ businessDate: '2026-11-24', closed: true })
  await setHour(4)
  // The shop's date is the 23rd again; the 24th has a Z report already, and goes on.
  expect(await send('POST', '/api/day/open', {})).toMatchObject({ businessDate: '2026-11-24' })
  await send('POST', '/api/day/close')
  at('2026-11-25T01:00:00+01:00')
  expect(await send('POST', '/api/day/open', {})).toMatchObject({ businessDate: '2026-11-24' })
  expect(await sellAt('2026-11-25T04:00:00+01:00')).toBe('2026-11-25')
})

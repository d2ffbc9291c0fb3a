import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { businessDateAt } from '#till/businessdate'

/** The instants are written with their offsets, so that no row leans on what the code under test thinks of a zone. */
type Row = readonly [night: string, zone: string, hour: number, before: string, after: string, date: string]

describe('a day turns at the policy’s hour of the shop’s own clock', () => {
  it.each<Row>([
    ['any night', 'Europe/Berlin', 4, '2026-11-24T03:59:59+01:00', '2026-11-24T04:00:00+01:00', '2026-11-24'],
    ['at midnight', 'Europe/Berlin', 0, '2026-11-23T23:59:59+01:00', '2026-11-24T00:00:00+01:00', '2026-11-24'],
    ['over a new year', 'Europe/Berlin', 5, '2027-01-01T04:59:59+01:00', '2027-01-01T05:00:00+01:00', '2027-01-01'],
    ['over a 29 February', 'Asia/Kathmandu', 2, '2028-02-29T01:59:59+05:45', '2028-02-29T02:00:00+05:45', '2028-02-29'],
    // 02:00 becomes 03:00: the hour of 4 is three hours after midnight, not four.
    ['of 23 hours', 'Europe/Berlin', 4, '2027-03-28T03:59:59+02:00', '2027-03-28T04:00:00+02:00', '2027-03-28'],
    // The hour that is left out: over when the clock jumps over it.
    [
      'of 23 hours, in its gap',
      'Europe/Berlin',
      2,
      '2027-03-28T01:59:59+01:00',
      '2027-03-28T03:00:00+02:00',
      '2027-03-28',
    ],
    // 03:00 becomes 02:00: the hour of 4 is five hours after midnight.
    ['of 25 hours', 'Europe/Berlin', 4, '2026-10-25T03:59:59+01:00', '2026-10-25T04:00:00+01:00', '2026-10-25'],
    // The hour that comes twice turns the day when it comes first.
    [
      'of 25 hours, in the hour twice',
      'Europe/Berlin',
      2,
      '2026-10-25T01:59:59+02:00',
      '2026-10-25T02:00:00+02:00',
      '2026-10-25',
    ],
    [
      'of 25 hours, after the hour twice',
      'Europe/Berlin',
      3,
      '2026-10-25T02:59:59+01:00',
      '2026-10-25T03:00:00+01:00',
      '2026-10-25',
    ],
    ['of 24½ hours', 'Australia/Lord_Howe', 2, '2027-04-04T01:59:59+10:30', '2027-04-04T02:00:00+10:30', '2027-04-04'],
    // There is no midnight: 00:00 becomes 01:00.
    ['without a midnight', 'Asia/Beirut', 0, '2027-03-27T23:59:59+02:00', '2027-03-28T01:00:00+03:00', '2027-03-28'],
    // 00:00 becomes 23:00 of the day before: midnight comes once all the same.
    ['with 23 o’clock twice', 'Asia/Beirut', 0, '2026-10-24T23:59:59+02:00', '2026-10-25T00:00:00+02:00', '2026-10-25'],
  ])('%s, in %s at %i', (_, zone, hour, before, after, date) => {
    const [year = 0, month = 0, day = 0] = date.split('-').map(Number)
    const eve = new Date(Date.UTC(year, month - 1, day - 1)).toISOString().slice(0, 10)
    expect([before, after].map(at => businessDateAt(Date.parse(at), zone, hour))).toEqual([eve, date])
  })

  it('without an hour of the policy, with the calendar', () =>
    expect(businessDateAt(Date.parse('2026-11-24T00:30:00+01:00'), 'Europe/Berlin')).toBe('2026-11-24'))

  it('never back, none left out and none twice, in any zone at any hour', () => {
    const day_ms = 86_400_000
    const zones = [
      'Europe/Berlin',
      'Australia/Lord_Howe',
      'Asia/Beirut',
      'Atlantic/Azores',
      'America/Havana',
      'Asia/Kolkata',
    ]
    const dates = (zone: string, hour: number, from: number) => {
      // Sixty days in quarters of an hour: more than one turn of a clock's year, never two of the same kind.
      const seen = Array.from({ length: 60 * 96 }, (_, place) => businessDateAt(from + place * 900_000, zone, hour))
      return seen.filter((date, place) => date !== seen[place - 1])
    }
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 730 }).map(days => Date.UTC(2026, 0, 1) + days * day_ms),
        (zone, hour, from) => {
          const turns = dates(zone, hour, from)
          const first = Date.parse(turns[0] as string)
          expect(turns).toEqual(turns.map((_, place) => new Date(first + place * day_ms).toISOString().slice(0, 10)))
        },
      ),
      { numRuns: 12 },
    )
  })
})

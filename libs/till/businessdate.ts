/**
 * The date of the shop's day at a moment: what the clock on its wall says, in its zone; before `rollOver_hour` still the
 * day before. The wall's own hour counts and no elapsed time: in the night in which a zone leaves out an hour or has one
 * twice, the day turns when the clock shows the policy's hour, as in any other night. An hour that is left out is over
 * with the first moment after it.
 */
export const businessDateAt = (at_ms: number, zone: string, rollOver_hour = 0): string => {
  const wall = Object.fromEntries(
    wallOf(zone)
      .formatToParts(at_ms)
      .map(({ type, value }) => [type, Number(value)]),
  ) as { readonly year: number; readonly month: number; readonly day: number; readonly hour: number }
  const day = wall.hour < rollOver_hour ? wall.day - 1 : wall.day
  // Calendar days, not moments: UTC has all of them.
  return new Date(Date.UTC(wall.year, wall.month - 1, day)).toISOString().slice(0, 10)
}

/** The zone that was asked for last: a till asks at every sale, and making its calendar takes longer than reading it. */
let made: { readonly zone: string; readonly wall: Intl.DateTimeFormat } | undefined
const wallOf = (zone: string): Intl.DateTimeFormat => {
  if (made?.zone !== zone)
    made = {
      zone,
      wall: new Intl.DateTimeFormat('en-GB', {
        timeZone: zone,
        calendar: 'gregory',
        numberingSystem: 'latn',
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
      }),
    }
  return made.wall
}

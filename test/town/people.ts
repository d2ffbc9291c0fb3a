import { dice } from '../simulation/world.ts'

/** Who lives in the town, who sells there, and what each does in the month: all of it follows from the seed. */

export type Scale = {
  readonly shops: number
  readonly terminals: number
  readonly phones: number
  readonly taps: number
}
export const smallTown: Scale = { shops: 20, terminals: 40, phones: 2000, taps: 10_000 }

export const month_ms = Date.UTC(2026, 10, 1)
export const hour_ms = 3_600_000
export const day_ms = 24 * hour_ms
export const days = 30

/** In November none of them sets its clocks: hours from UTC. */
export const zones = [
  ['Europe/Berlin', 1],
  ['Europe/Lisbon', 0],
  ['Europe/Helsinki', 2],
  ['America/New_York', -5],
  ['Asia/Tokyo', 9],
] as const

export type Person = {
  readonly account: string
  readonly currency: 'EUR' | 'CHF'
  readonly limit: bigint
  readonly allowance: bigint
  readonly cast?: Cast
}
/** Those who live the month that a rule, or a thief, was made for. */
const casts = {
  commuter: 2,
  spender: 3,
  regular: 3,
  'over one payment': 2,
  'small allowance': 4,
  tourist: 6,
  cloned: 6,
  'altered TAC': 15,
  'big day': 25,
} as const
export type Cast = keyof typeof casts

const allowances: Partial<Record<Cast, bigint>> = {
  spender: 60_000n,
  regular: 50_000n,
  'small allowance': 2_000n,
  cloned: 20_000n,
  'altered TAC': 20_000n,
  'big day': 30_000n,
}

export const peopleOf = (seed: string, phones: number): readonly Person[] => {
  const chance = dice(`people of ${seed}`)
  const lots = (Object.entries(casts) as [Cast, number][]).flatMap(([cast, count]) => Array<Cast>(count).fill(cast))
  const people: Person[] = []
  for (let place = 0; place < phones; place++) {
    const cast = lots[place]
    // Every fortieth shares an account with the one before.
    const shared = cast === undefined && place % 40 === 39 ? people.at(-1)?.account : undefined
    people.push({
      account: shared ?? `acc-${place + 1}`,
      currency: cast === 'tourist' ? 'CHF' : 'EUR',
      limit: 200_000n,
      allowance: (cast && allowances[cast]) ?? chance.pick([10_000n, 20_000n, 30_000n]),
      ...(cast ? { cast } : {}),
    })
  }
  return people
}

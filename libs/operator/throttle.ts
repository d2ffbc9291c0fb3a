/**
 * How often a wrong secret may be tried, by name and by address: passwords of operators, one-time codes of terminals
 * and phones. The wait doubles with each failure and is never more than a few minutes, so that nobody is locked out
 * for ever; a name alone never stops the machine's own addresses, where an administrator can always sit down. Time
 * comes in with each call. It is forgotten with the process.
 */

type Counted = { failures: number; last_ms: number }

/** Who tries: the name that was given, and the address that the request came from. */
export type Attempt = { readonly name: string; readonly address: string }

/** How many failures are free, and how long the wait grows: of one name at one address, of an address, of a name. */
const limits = {
  both: { free: 5, longest_ms: 5 * 60_000 },
  address: { free: 30, longest_ms: 5 * 60_000 },
  name: { free: 50, longest_ms: 30_000 },
} as const
const forgetAfter_ms = 60 * 60_000
/** Names can be made up without end. */
const countedMax = 10_000

const isHere = (address: string): boolean => /^(?:::1|(?:::ffff:)?127\.\d+\.\d+\.\d+)$/.test(address)

export const throttle = () => {
  const counted = new Map<string, Counted>()

  const keysOf = ({ name, address }: Attempt): readonly (readonly [keyof typeof limits, string])[] => [
    ['both', `both ${address} ${name}`],
    ['address', `address ${address}`],
    ...(isHere(address) ? [] : ([['name', `name ${name}`]] as const)),
  ]
  const waitOf = (kind: keyof typeof limits, held: Counted | undefined, now_ms: number): number => {
    const { free, longest_ms } = limits[kind]
    if (!held || held.failures < free || now_ms - held.last_ms >= forgetAfter_ms) return 0
    const wait_ms = Math.min(longest_ms, 1000 * 2 ** Math.min(20, held.failures - free))
    return Math.max(0, held.last_ms + wait_ms - now_ms)
  }

  return {
    /** How long this attempt has to wait; 0 is not at all. */
    wait_ms: (attempt: Attempt, now_ms: number): number =>
      Math.max(...keysOf(attempt).map(([kind, key]) => waitOf(kind, counted.get(key), now_ms))),
    /** Counted before the secret is looked at, so that many at once are many. */
    tried: (attempt: Attempt, now_ms: number): void => {
      for (const [, key] of keysOf(attempt)) {
        const held = counted.get(key)
        const failures = held && now_ms - held.last_ms < forgetAfter_ms ? held.failures + 1 : 1
        counted.delete(key)
        counted.set(key, { failures, last_ms: now_ms })
      }
      for (const key of counted.keys()) {
        if (counted.size <= countedMax) break
        counted.delete(key)
      }
    },
    /** The right secret ends what was counted for this name at this address, and takes its own attempt back. */
    succeeded: (attempt: Attempt): void => {
      for (const [kind, key] of keysOf(attempt)) {
        const held = counted.get(key)
        if (kind === 'both') counted.delete(key)
        else if (held) held.failures = Math.max(0, held.failures - 1)
      }
    },
  }
}

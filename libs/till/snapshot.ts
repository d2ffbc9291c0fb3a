import { hex, utf8 } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { tillWords } from './events.ts'
import { emptyTill, type Till } from './state.ts'

/**
 * A till's state as text, so that a terminal starts from where it was and not from its first event. It names the event
 * after which it was so, and proves nothing: it is thrown away where the log has another event there, where an octet of
 * it changed, and where another version of the till wrote it.
 */

/** Goes up with each change of the state's shape, or of what `evolve` makes of an event. */
export const snapshotShape = 3

type Kept = {
  /** Which till wrote it: the shape, and every word that it knows. */
  readonly by: string
  readonly revision: number
  readonly hash: string
  readonly digest: string
  readonly state: string
}

const mapKey = '#map'
const integerKey = '#integer'

const stateText = (till: Till): string =>
  JSON.stringify(till, (_key, value: unknown) => {
    if (value instanceof Map) return { [mapKey]: [...value] }
    return typeof value === 'bigint' ? { [integerKey]: value.toString() } : value
  })

const stateFrom = (text: string): Till => {
  const read = JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value
    if (mapKey in value) return new Map(value[mapKey] as [unknown, unknown][])
    return integerKey in value ? BigInt(value[integerKey] as string) : value
  }) as Till
  // What is undefined has no place in JSON.
  return { ...emptyTill(), ...read }
}

const writer = (): string =>
  [snapshotShape, ...Object.entries(tillWords).map(([type, { schema }]) => `${type}/${schema}`)].join(' ')

const digestOf = (crypto: Crypto, { by, revision, hash, state }: Omit<Kept, 'digest'>): string =>
  hex(crypto.sha256(utf8(`${by}\n${revision}\n${hash}\n${state}`)))

/** The state after the event of this revision and hash. */
export const snapshotOf = (
  crypto: Crypto,
  till: Till,
  { revision, hash }: { revision: number; hash: string },
): string => {
  const kept = { by: writer(), revision, hash, state: stateText(till) }
  return JSON.stringify({ ...kept, digest: digestOf(crypto, kept) } satisfies Kept)
}

/** Undefined for what no till of this version wrote. Whether the log has that event there is for the caller to look. */
export const readSnapshot = (
  crypto: Crypto,
  text: string,
): { readonly till: Till; readonly revision: number; readonly hash: string } | undefined => {
  try {
    const kept = JSON.parse(text) as Kept
    if (kept.by !== writer() || kept.digest !== digestOf(crypto, kept)) return undefined
    return { till: stateFrom(kept.state), revision: kept.revision, hash: kept.hash }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

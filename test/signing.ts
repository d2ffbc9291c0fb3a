import { z } from 'zod'
import { chain, word } from '#canonical/event'
import { nameId } from '#canonical/ids'
import { type EventStore, readLast } from '#eventstore'
import type { Heads } from '#eventstore/heads'
import { nodeCrypto } from '#machine/crypto'
import { sleep } from '#machine/process'
import { memoryTiles, type Tiles } from '#transparency/tiles'
import { type LogKeys, type SignedLog, signedLog } from '../apps/back-office/signed-log.ts'

/** Logs to be signed, and signers of them that run until a test lets them go. */

export const crypto = nodeCrypto()
export const key = crypto.keyPair('Ed25519')
/** One key, which stays. */
export const logKeys: LogKeys = {
  sign: async (_, make) => make(crypto, key),
  logKeys: () => [{ publicKey: key.publicKey, isCompromised: false }],
}
export const origin = 'tallystick.dev/log/test'
export const now = () => '2026-11-23T09:00:00.000Z'

const words = { SomethingHappened: word(z.object({ n: z.number() })) }

/** Writes `count` events into three streams of this name. */
export const write = async (store: EventStore, count: number, name = 'thing'): Promise<void> => {
  for (let n = 0; n < count; n++) {
    const stream = `${name}-${n % 3}`
    const last = await readLast(store, stream)
    const after = last && (JSON.parse(last.text) as { revision: number; hash: string })
    const act = { id: nameId(crypto, `${name} ${n}`), at: now(), by: 'test', correlation: 'c', causation: 'c' }
    const links = chain(crypto, words, stream, after, [{ type: 'SomethingHappened', data: { n } }], act, () => 'salt')
    await store.append(
      stream,
      last?.revision ?? 'NoStream',
      links.map(({ event, text }) => ({ id: event.id, type: event.type, text })),
    )
  }
}

export const signers = () => {
  const running: { readonly stop: AbortController; readonly ended: Promise<unknown> }[] = []
  const faults: string[] = []
  /** Ends the signer that was started last. */
  const end = async (): Promise<void> => {
    const last = running.pop()
    last?.stop.abort()
    await last?.ended
  }
  return {
    /** What the signers told an operator, and how one of them ended that should not. */
    faults,
    signer: async (store: EventStore, heads: Heads, tiles: Tiles = memoryTiles()): Promise<SignedLog> => {
      const parts = { store, crypto, clock: { now: () => 0 }, origin, keys: logKeys, heads, tiles, sleep }
      const made = await signedLog({ ...parts, onFault: message => faults.push(message) })
      const stop = new AbortController()
      const ended = made.run(stop.signal).catch(error => faults.push(`ended: ${(error as Error).message}`))
      running.push({ stop, ended })
      return made
    },
    end,
    endAll: async (): Promise<void> => {
      while (running.length > 0) await end()
    },
  }
}

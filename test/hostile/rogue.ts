import { z } from 'zod'
import { base64url, fromBase64url } from '#canonical/bytes'
import { chain, type Fact, trustEvent, type Vocabulary, word } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import { readLast, readStream } from '#eventstore'
import { tradeWords } from '#ledger/vocabulary'
import { certificateHash } from '#license/certificate'
import { makeBatch } from '#sync/batch'
import type { World } from '../simulation/world.ts'

type Spoken = Fact<string, Record<string, unknown>>

/** A terminal that was enrolled and turned: it holds its own genuine keys, and writes what it likes. */
export const rogue = (world: World, id: string) => {
  const shop = world.shops.get(id)
  if (!shop) throw new Error(`No terminal ${id} in this world`)
  const { identity, store } = shop
  const stream = `terminal-${id}`

  /** Facts as the next links of what the centre holds of this terminal, of whatever shape, properly chained and signed. */
  const send = async (facts: readonly Fact[]) => {
    const last = await readLast(world.log, stream)
    const after = last === undefined ? undefined : trustEvent(last.text)
    const anything: Vocabulary = Object.fromEntries(
      facts.map(({ type }) => [type, { ...word(z.looseObject({})), money: money.has(type) }]),
    )
    const act = uuid7(world.clock.at, world.crypto.random(16))
    const written = chain(
      world.crypto,
      anything,
      stream,
      after,
      facts,
      { id: act, at: new Date(world.clock.at).toISOString(), by: `terminal:${id}`, correlation: act, causation: act },
      () => base64url(world.crypto.random(16)),
      certificateHash(world.crypto, fromBase64url(identity.certificate)),
    )
    const { origin, mode, terminal, keys } = identity
    const statement = {
      origin,
      terminal,
      mode,
      from: after === undefined ? 0 : after.revision + 1,
      count: written.length,
      head: (written.at(-1) as (typeof written)[number]).event.hash,
      waiting: { count: 0, sum: '0', currency: 'EUR' },
    }
    const texts = written.map(({ text }) => text)
    return world.centre().acceptBatch(id, makeBatch(world.crypto, keys.p256, statement, texts))
  }

  /** What the honest terminal wrote so far, to be told otherwise. */
  const honest = async (): Promise<Spoken[]> =>
    (await readStream(store, stream)).map(({ text }) => {
      const { type, data } = trustEvent(text)
      return { type, data: data as Spoken['data'] }
    })

  return { send, honest }
}

const money = new Set(Object.entries(tradeWords).flatMap(([type, known]) => (known.money ? [type] : [])))

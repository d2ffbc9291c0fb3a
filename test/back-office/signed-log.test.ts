import { afterEach, describe, expect, it } from 'vitest'
import { type Bytes, base64url, hex, utf8 } from '#canonical/bytes'
import type { StoredEvent } from '#eventstore'
import type { Heads } from '#eventstore/heads'
import { memoryStore } from '#eventstore/memory'
import { memoryHeads } from '#eventstore/memory/heads'
import { serve } from '#http/serve'
import { readCheckpoint, readNote, signedBy } from '#transparency/checkpoint'
import { eventLeaf, leafHash, verifyConsistency, verifyInclusion } from '#transparency/merkle'
import { memoryTiles, tiledTree } from '#transparency/tiles'
import { backOfficeModule } from '../../apps/back-office/api.ts'
import type { Signed } from '../../apps/back-office/signed-log.ts'
import { atDesk } from '../desk.ts'
import { atCentre } from '../scenarios/hand.ts'
import { crypto, key, now, origin, signers, write } from '../signing.ts'
import { makeWorld, orThrow } from '../simulation/world.ts'

const { signer, end, endAll, faults } = signers()
afterEach(endAll)

/** The tree of a log, made anew from its texts. */
const rootOf = (
  store: { readonly events: readonly { stream: string; revision: number; text: string }[] },
  size: number,
) => {
  const tree = tiledTree(crypto, memoryTiles())
  const leaves = store.events.map(({ stream, revision, text }) =>
    leafHash(crypto, eventLeaf({ stream, revision, hash: (JSON.parse(text) as { hash: string }).hash })),
  )
  tree.grow(leaves)
  return hex(tree.root(size))
}

describe('the log', () => {
  it('is signed as far as somebody waits for it, and every event is a leaf in its order', async () => {
    const store = memoryStore(now)
    const log = await signer(store, memoryHeads())
    await write(store, 300)
    const signed = await log.covering(300)
    expect(signed).toMatchObject({ origin, size: 300 })
    expect(hex(signed?.root as Bytes)).toBe(rootOf(store, 300))
    const note = readNote(utf8(signed?.note as string))
    expect(signedBy(crypto, note, { name: origin, publicKey: key.publicKey })).toBe(true)
    expect(readCheckpoint(note.text).size).toBe(300)
    for (const index of [0, 1, 255, 256, 299]) {
      const event = store.events[index] as StoredEvent
      const { hash } = JSON.parse(event.text) as { hash: string }
      const leaf = leafHash(crypto, eventLeaf({ stream: event.stream, revision: event.revision, hash }))
      const proof = log.prove(event, undefined, signed as Signed)?.inclusion ?? []
      expect(verifyInclusion(crypto, { leaf, index, size: 300, root: signed?.root as Bytes, proof })).toBe(true)
    }
  })

  it('is signed within a second or so where nobody waits', async () => {
    const store = memoryStore(now)
    const log = await signer(store, memoryHeads())
    await write(store, 3)
    await expect.poll(() => log.state().signed, { timeout: 3000 }).toBe(3)
  })

  it('goes on after a restart, from the tiles that are there or without them', async () => {
    const store = memoryStore(now)
    const heads = memoryHeads()
    const tiles = memoryTiles()
    await write(store, 260)
    const before = await (await signer(store, heads, tiles)).covering(260)
    for (const kept of [tiles, memoryTiles()]) {
      await end()
      await write(store, 20)
      const log = await signer(store, heads, kept)
      const size = store.events.length
      const after = await log.covering(size)
      const consistent = verifyConsistency(crypto, {
        before: 260,
        beforeRoot: before?.root as Bytes,
        size,
        root: after?.root as Bytes,
        proof: log.prove(store.events[0] as StoredEvent, before, after as Signed)?.consistency ?? [],
      })
      expect(consistent).toBe(true)
      expect(hex(after?.root as Bytes)).toBe(rootOf(store, size))
    }
  })

  it('with tiles that were damaged is hashed again from its events', async () => {
    const store = memoryStore(now)
    const heads = memoryHeads()
    const tiles = memoryTiles()
    await write(store, 30)
    await (await signer(store, heads, tiles)).covering(30)
    await end()
    const whole = tiles.read(0, 0, 30)
    whole[100] = (whole[100] as number) ^ 1
    tiles.cut(0, 0)
    tiles.append(0, whole)
    await write(store, 1)
    const signed = await (await signer(store, heads, tiles)).covering(31)
    expect(hex(signed?.root as Bytes)).toBe(rootOf(store, 31))
  })

  it('with leaves in its tiles that were never signed takes them from its events', async () => {
    const store = memoryStore(now)
    const heads = memoryHeads()
    const tiles = memoryTiles()
    await write(store, 30)
    await (await signer(store, heads, tiles)).covering(30)
    await end()
    await write(store, 3)
    // What a crash left behind the last signed leaf: one torn, and one that is well.
    const { stream, revision, text } = store.events[31] as (typeof store.events)[number]
    const { hash } = JSON.parse(text) as { hash: string }
    tiles.append(0, crypto.sha256('torn'))
    tiles.append(0, leafHash(crypto, eventLeaf({ stream, revision, hash })))
    const signed = await (await signer(store, heads, tiles)).covering(33)
    expect(hex(signed?.root as Bytes)).toBe(rootOf(store, 33))
  })

  it('is not signed over another signer’s head: who comes second continues it', async () => {
    const store = memoryStore(now)
    const heads = memoryHeads()
    await write(store, 10)
    let others: Promise<unknown> | undefined
    const slow: Heads = {
      get: heads.get,
      replace: async (...asked) => {
        // Another centre signs between this one's look and its word.
        others ??= write(store, 2, 'more').then(async () => (await signer(store, heads)).covering(12))
        await others
        return heads.replace(...asked)
      },
    }
    const signed = await (await signer(store, slow)).covering(10)
    expect(signed?.size).toBe(12)
    expect(await heads.get('checkpoint')).toBe(signed?.note)
    expect(await others).toMatchObject({ note: signed?.note })
  })

  it('of two centres has one word: each signs what continues the other’s', async () => {
    const store = memoryStore(now)
    const heads = memoryHeads()
    const [left, right] = [await signer(store, heads), await signer(store, heads)]
    const notes: string[] = []
    for (let round = 1; round <= 20; round++) {
      await write(store, 7, `round${round}`)
      const answers = await Promise.all([left.covering(round * 7), right.covering(round * 7)])
      for (const signed of answers) {
        expect(signed?.size).toBeGreaterThanOrEqual(round * 7)
        notes.push(signed?.note as string)
      }
    }
    // Of each size there is one root.
    const roots = new Map<number, string>()
    for (const note of notes) {
      const { size, root } = readCheckpoint(readNote(utf8(note)).text)
      expect(roots.get(size) ?? hex(root)).toBe(hex(root))
      roots.set(size, hex(root))
      expect(hex(root)).toBe(rootOf(store, size))
    }
    expect(faults).toEqual([])
  })
})

describe('a log that does not continue its own word', () => {
  const altered = async (count: number, name: string) => {
    const store = memoryStore(now)
    await write(store, 10)
    await write(store, count, name)
    return store
  }

  it('is not signed: an event under the checkpoint is another', async () => {
    const heads = memoryHeads()
    await (await signer(await altered(5, 'first'), heads)).covering(15)
    await end()
    const log = await signer(await altered(9, 'second'), heads)
    expect((await log.covering(19))?.size).toBeUndefined()
    expect(log.state().silence?.reason).toBe('LogContradicted')
    expect(faults.splice(0)).toHaveLength(1)
  })

  it('is not signed where its tiles outlived it', async () => {
    const heads = memoryHeads()
    const tiles = memoryTiles()
    await (await signer(await altered(5, 'first'), heads, tiles)).covering(15)
    await end()
    for (const store of [await altered(2, 'first'), await altered(9, 'second')]) {
      const log = await signer(store, heads, tiles)
      expect((await log.covering(store.events.length))?.size).toBeUndefined()
      expect(log.state().silence).toBeDefined()
      await end()
    }
    faults.splice(0)
  })

  it('is not signed: events under the checkpoint are gone', async () => {
    const heads = memoryHeads()
    await (await signer(await altered(5, 'first'), heads)).covering(15)
    await end()
    const log = await signer(await altered(2, 'first'), heads)
    expect((await log.covering(12))?.size).toBeUndefined()
    expect(log.state().silence?.reason).toBe('CentreWentBack')
    expect(faults.splice(0)).toHaveLength(1)
  })

  it('is signed again when what is missing is back', async () => {
    const heads = memoryHeads()
    const before = await (await signer(await altered(5, 'first'), heads)).covering(15)
    await end()
    const short = await altered(0, 'first')
    const log = await signer(short, heads)
    await log.covering(10)
    expect(log.state().silence?.reason).toBe('CentreWentBack')
    await write(short, 5, 'first')
    await expect.poll(() => log.state().silence, { timeout: 3000 }).toBeUndefined()
    expect((await log.covering(15))?.note).toBe(before?.note)
    faults.splice(0)
  })

  it('begins a new origin by the word of an operator, and stays silent until then, restarted or not', async () => {
    const heads = memoryHeads()
    const before = await (await signer(await altered(5, 'first'), heads)).covering(15)
    await end()
    const store = await altered(9, 'second')
    for (let start = 0; start < 2; start++) {
      const log = await signer(store, heads)
      await log.covering(19)
      expect(log.state().silence?.reason).toBe('LogContradicted')
      await end()
    }
    const log = await signer(store, heads)
    await log.covering(19)
    expect(orThrow(await log.beginAnew())).toEqual({ origin: `${origin}/2` })
    const signed = await log.covering(19)
    expect(signed).toMatchObject({ origin: `${origin}/2`, size: 20 })
    const leaf = leafHash(crypto, utf8(before?.note as string))
    const proof = log.prove(store.events[0] as StoredEvent, undefined, signed as Signed)?.began?.inclusion ?? []
    expect(verifyInclusion(crypto, { leaf, index: 0, size: 20, root: signed?.root as Bytes, proof })).toBe(true)
    expect(await log.beginAnew()).toMatchObject({ reason: 'LogContinues' })
    // Who saw all of it waits for nothing, and what was seen of the origin before says nothing of this one.
    const asked = performance.now()
    for (const seen of [signed as Signed, { ...(before as Signed), size: 400 }])
      expect(await log.covering(19, seen)).toBe(signed)
    expect(performance.now() - asked).toBeLessThan(1500)
    await end()
    const again = await signer(store, heads)
    expect(await again.covering(19)).toMatchObject({ origin: `${origin}/2`, size: 20 })
    faults.splice(0)
  })

  it('is silenced by who remembers what it signed, and by nobody else', async () => {
    const lost = await (await signer(await altered(5, 'first'), memoryHeads())).covering(15)
    await end()
    // Log and heads were both restored: it knows nothing of that checkpoint.
    const store = await altered(9, 'second')
    const log = await signer(store, memoryHeads())
    await log.covering(19)
    const note = lost?.note as string
    for (const forged of [note.replace('\n15\n', '\n16\n'), 'no note', note.replace(origin, `${origin}9`)]) {
      expect(await log.remembered(forged)).toBeUndefined()
      expect(await log.contradicting(forged)).toBeUndefined()
    }
    expect(log.state().silence).toBeUndefined()
    expect(await log.contradicting(note)).toBe(note)
    await log.remembered(note)
    expect(log.state().silence?.reason).toBe('LogContradicted')
    faults.splice(0)
  })
})

it('a stranger reads the tiles over HTTP, and comes to the same root', async () => {
  const world = await makeWorld({ seed: 'a stranger' })
  for (let sale = 0; sale < 12; sale++) {
    world.clock.at += 60_000
    orThrow(await world.key(100n))
    expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
  }
  await world.sync()
  const log = { info: () => {}, error: () => {} }
  const served = await serve({
    module: backOfficeModule(world.centre(), atDesk()),
    port: 0,
    host: '127.0.0.1',
    pages: undefined,
    log,
  })
  try {
    const get = async (path: string) => fetch(`${served.url}/api/log/${path}`)
    const { size, root } = readCheckpoint(readNote(utf8(await (await get('checkpoint')).text())).text)
    expect(size).toBeGreaterThan(60)
    const octetsOf = async (path: string) => {
      const answer = await get(path)
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/octet-stream'])
      return new Uint8Array(await answer.arrayBuffer())
    }
    // Entries: each after its length in two octets.
    const entries: Bytes[] = []
    for (let from = 0; from < size; from += 256) {
      const width = Math.min(256, size - from)
      const bundle = await octetsOf(
        `tile/entries/${`${from / 256}`.padStart(3, '0')}${width < 256 ? `.p/${width}` : ''}`,
      )
      for (let at = 0; at < bundle.length; ) {
        const length = ((bundle[at] as number) << 8) | (bundle[at + 1] as number)
        entries.push(bundle.slice(at + 2, at + 2 + length))
        at += 2 + length
      }
    }
    expect(entries).toHaveLength(size)
    const tree = tiledTree(crypto, memoryTiles())
    tree.grow(entries.map(entry => leafHash(crypto, entry)))
    expect(base64url(tree.root(size))).toBe(base64url(root))
    const last = size % 256
    const tile = await octetsOf(`tile/0/${`${Math.floor(size / 256)}`.padStart(3, '0')}${last ? `.p/${last}` : ''}`)
    expect(hex(tile.slice(-32))).toBe(hex(leafHash(crypto, entries.at(-1) as Bytes)))
    for (const path of ['tile/0/999', 'tile/9/000', 'tile/0/..%2f..%2fkeys.json', 'tile/entries/000.p/0', 'tile/']) {
      const answer = await get(path)
      expect([path, answer.status]).toEqual([path, 404])
      expect(await answer.json()).toMatchObject({ reason: expect.stringMatching(/Unknown$/) })
    }
    const begin = async (body: object) => {
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${served.url}/api/log/origins`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      return [answer.status, ((await answer.json()) as { reason: string }).reason]
    }
    expect(await begin({ reason: 'because' })).toEqual([409, 'LogContinues'])
    expect(await begin({})).toEqual([400, 'BodyMalformed'])
    expect(atCentre(world, 'OriginOrdered')).toEqual([])
    const health = (await (await fetch(`${served.url}/api/health`)).json()) as { status: string; log: object }
    expect(health).toMatchObject({ status: 'ok', log: { origin: world.keys.origin, signed: size } })
  } finally {
    await served.close()
    await world.end()
  }
})

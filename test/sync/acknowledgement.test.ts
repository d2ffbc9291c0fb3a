import { describe, expect, it } from 'vitest'
import { base64url, utf8 } from '#canonical/bytes'
import { nodeCrypto } from '#machine/crypto'
import {
  checkLogAnswer,
  cosignSeen,
  type LogAnswer,
  logAnswer,
  proofText,
  readSeen,
  type Seen,
  seenAt,
  witnessName,
} from '#sync/acknowledgement'
import { checkpointText, signNote } from '#transparency/checkpoint'
import { consistencyProof, eventLeaf, inclusionProof, leafHash } from '#transparency/merkle'
import { memoryTiles, tiledTree } from '#transparency/tiles'

const crypto = nodeCrypto()
const key = crypto.keyPair('Ed25519')
const origin = 'tallystick.dev/log/1234'
const trust = { origin, keys: [key.publicKey] }

const event = (revision: number) => ({ stream: 'terminal-T-1', revision, hash: `${revision}`.padStart(64, 'a') })
/** A log in which the terminal's event n is leaf n, after `first` where it began anew. */
const logOf = (size: number, options: { readonly first?: string; readonly altered?: number } = {}) => {
  const tree = tiledTree(crypto, memoryTiles())
  const before = options.first === undefined ? [] : [utf8(options.first)]
  const leaves = Array.from({ length: size - before.length }, (_, n) =>
    eventLeaf(event(n === options.altered ? n + 1000 : n)),
  )
  tree.grow([...before, ...leaves].map(leaf => leafHash(crypto, leaf)))
  return tree
}
const signed = (tree: ReturnType<typeof logOf>, size: number, name = origin, by = key): string =>
  signNote(crypto, checkpointText({ origin: name, size, root: tree.root(size) }), name, by)

const tree = logOf(40)
const seenAtSize = (size: number): Seen => readSeen(crypto, trust, signed(tree, size)) as Seen
const answer = (size: number, before: number, revision = size - 1): LogAnswer => ({
  loggedTo: revision,
  leaf: revision,
  checkpoint: signed(tree, size),
  consistency: proofText(consistencyProof(crypto, tree, before, size)),
  inclusion: proofText(inclusionProof(crypto, tree, revision, size)),
})
const check = (seen: Seen | undefined, offered: LogAnswer, own = event(offered.loggedTo)) =>
  checkLogAnswer(crypto, trust, seen, offered, own)

describe('an acknowledgement', () => {
  it('is a signed checkpoint with the terminal’s own event under it', () =>
    expect(check(undefined, answer(20, 0))).toMatchObject({ loggedTo: 19, beganAnew: false, seen: { size: 20 } }))

  it('continues what the terminal saw before, at every size', () => {
    for (let before = 1; before <= 40; before++)
      for (let size = before; size <= 40; size += 3)
        expect(check(seenAtSize(before), answer(size, before)), `${before} to ${size}`).toMatchObject({
          loggedTo: size - 1,
        })
  })

  it('may be for an event far below', () =>
    expect(check(seenAtSize(9), answer(33, 9, 4))).toMatchObject({ loggedTo: 4 }))

  const stranger = crypto.keyPair('Ed25519')
  const other = logOf(40, { altered: 3 })
  it.each([
    ['nobody signed', 'CheckpointUnsigned', { checkpoint: checkpointText({ origin, size: 20, root: tree.root(20) }) }],
    ['another key signed', 'CheckpointUnsigned', { checkpoint: signed(tree, 20, origin, stranger) }],
    ['is of another log', 'CheckpointUnsigned', { checkpoint: signed(tree, 20, 'tallystick.dev/log/9999') }],
    ['is no text of one', 'CheckpointUnsigned', { checkpoint: 'Welcome to the hotel' }],
    ['is older', 'CheckpointOlder', { ...answer(8, 8) }],
    ['tells another story', 'CheckpointInconsistent', { checkpoint: signed(other, 20) }],
    ['comes without its proof', 'CheckpointInconsistent', { consistency: [] }],
    [
      'comes with one proof too many',
      'CheckpointInconsistent',
      { consistency: [...answer(20, 10).consistency, base64url(crypto.sha256('x'))] },
    ],
    ['has another event in its place', 'EventNotUnderCheckpoint', { leaf: 3 }],
    ['does not hold the event', 'EventNotUnderCheckpoint', { inclusion: [] }],
    ['names a leaf beyond it', 'EventNotUnderCheckpoint', { leaf: 20 }],
  ] as const)('whose checkpoint %s is %s, and lets nothing go', (_, reason, change) => {
    const refused = check(seenAtSize(10), { ...answer(20, 10), ...change } as LogAnswer)
    expect(refused).toMatchObject({ reason })
    expect((refused as { message: string }).message).toMatch(/kept|Keep/)
  })

  it('for an event that this terminal did not write acknowledges nothing', () => {
    expect(check(undefined, answer(20, 0), event(7))).toMatchObject({ reason: 'EventNotUnderCheckpoint' })
    expect(checkLogAnswer(crypto, trust, undefined, answer(20, 0), undefined)).toMatchObject({
      reason: 'EventNotUnderCheckpoint',
    })
  })

  it('of another shape does not get past the rim', () => {
    for (const change of [
      { loggedTo: -1 },
      { leaf: 0.5 },
      { checkpoint: '' },
      { checkpoint: 'x'.repeat(9000) },
      { inclusion: ['not base64url!'] },
      { consistency: Array.from({ length: 65 }, () => 'AAAA') },
      { began: {} },
    ])
      expect(logAnswer.safeParse({ ...answer(20, 0), ...change }).success).toBe(false)
    expect(logAnswer.safeParse(answer(20, 0)).success).toBe(true)
  })
})

describe('a log that began anew', () => {
  const began = (first: string, name = `${origin}/2`): LogAnswer => {
    const anew = logOf(15, { first })
    return {
      loggedTo: 9,
      leaf: 10,
      checkpoint: signed(anew, 15, name),
      consistency: [],
      inclusion: proofText(inclusionProof(crypto, anew, 10, 15)),
      began: { first, inclusion: proofText(inclusionProof(crypto, anew, 0, 15)) },
    }
  }

  it('is believed where its first leaf is a checkpoint that may be the one seen', () =>
    expect(check(seenAtSize(30), began(signed(tree, 30)))).toMatchObject({
      beganAnew: true,
      loggedTo: 9,
      seen: { size: 15 },
    }))

  it('and goes on from there', () => {
    const first = signed(tree, 30)
    const anew = logOf(18, { first })
    const seen = readSeen(crypto, trust, signed(anew, 15, `${origin}/2`)) as Seen
    const offered: LogAnswer = {
      loggedTo: 16,
      leaf: 17,
      checkpoint: signed(anew, 18, `${origin}/2`),
      consistency: proofText(consistencyProof(crypto, anew, 15, 18)),
      inclusion: proofText(inclusionProof(crypto, anew, 17, 18)),
    }
    expect(check(seen, offered)).toMatchObject({ beganAnew: false, loggedTo: 16 })
    // And never back to the name before.
    expect(check(seen, answer(40, 0))).toMatchObject({ reason: 'CheckpointOlder' })
  })

  it.each([
    ['an older checkpoint than was seen', began(signed(tree, 20))],
    ['a checkpoint that nobody signed', began(checkpointText({ origin, size: 30, root: tree.root(30) }))],
    [
      'another first leaf than it says',
      { ...began(signed(tree, 30)), began: { first: signed(tree, 31), inclusion: [] } },
    ],
    ['no first leaf at all', { ...began(signed(tree, 30)), began: undefined }],
  ])('with %s is not', (_, offered) =>
    expect(check(seenAtSize(30), offered)).toMatchObject({ reason: 'OriginUnproved' }),
  )

  it.each(['/1', '/02', '/x', '/', '//2', '/2/3'])('by the name of %s is no log of this centre', end =>
    expect(check(seenAtSize(30), began(signed(tree, 30), `${origin}${end}`))).toMatchObject({
      reason: 'CheckpointUnsigned',
    }),
  )
})

describe('what a terminal says it saw', () => {
  const terminal = crypto.keyPair('Ed25519')
  const name = witnessName(origin, 'T-1')
  const word = cosignSeen(crypto, seenAtSize(20), { name, key: terminal, time_s: 1_763_900_000 })

  it('is the centre’s own note with its cosignature', () => {
    expect(word.startsWith(signed(tree, 20))).toBe(true)
    expect(seenAt(crypto, word, { name, publicKey: terminal.publicKey })).toBe(1_763_900_000)
    expect(readSeen(crypto, trust, word)).toMatchObject({ size: 20 })
  })

  it('counts for its own key alone, and for nothing that is no note', () => {
    expect(seenAt(crypto, word, { name, publicKey: key.publicKey })).toBeUndefined()
    expect(seenAt(crypto, 'no note', { name, publicKey: terminal.publicKey })).toBeUndefined()
  })
})

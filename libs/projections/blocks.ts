import { type Change, intOf, type Look, put, type Row, type Table, textOf } from '#eventstore/rows'
import type { Posting } from '#ledger'
import type { Dates } from '#ledger/dates'

/**
 * An account's postings in blocks, each summed when it is full, with the span of its dates: a balance of the past adds
 * whole blocks, and reads again only those that the moment or the log index falls into.
 */

/** Rows of postings that a question reads one by one where a block is cut; and what a year of blocks costs to list. */
const blockPostings = 256n

export const blockTable: Table = {
  name: 'block',
  key: ['account', 'currency', 'nth'],
  columns: {
    account: 'text',
    currency: 'text',
    /** From 1, in the order of the log; 0 is the one that still fills. */
    nth: 'int',
    /** How many were full before the one that fills; else 0. */
    full: 'int',
    postings: 'int',
    /** The log index of its last event. */
    last: 'int',
    owed: 'int',
    held: 'int',
    earliest: 'text',
    latest: 'text',
    after: 'text',
    before: 'text',
  },
}

const putBlock = put('block', 'account', 'currency', 'nth')
const least = (a: string, b: string): string => (a < b ? a : b)
const most = (a: string, b: string): string => (a > b ? a : b)

type Moves = { readonly account: string; readonly currency: string; postings: bigint; owed: bigint; held: bigint }

/** What an event's postings come to, of each payer in each currency; whatever else they touch is in no block. */
const movesOf = (postings: readonly Posting[]): Moves[] => {
  const all: Moves[] = []
  for (const posting of postings) {
    const isOwed = posting.account.startsWith('payer:')
    if (!isOwed && !posting.account.startsWith('commitment:')) continue
    const account = posting.account.slice(posting.account.indexOf(':') + 1)
    const { currency } = posting
    let moves = all.find(each => each.account === account && each.currency === currency)
    if (!moves) all.push((moves = { account, currency, postings: 0n, owed: 0n, held: 0n }))
    const debit = posting.side === 'debit' ? posting.amount : -posting.amount
    moves.postings += 1n
    if (isOwed) moves.owed += debit
    else moves.held -= debit
  }
  return all
}

export const intoBlocks = (
  postings: readonly Posting[],
  index: bigint,
  { occurred: { at, after, before } }: Pick<Dates, 'occurred'>,
  look: Look,
): Change[] =>
  movesOf(postings).flatMap(moves => {
    const { account, currency } = moves
    const open = look('block', [account, currency, 0n])
    const isFull = open !== undefined && intOf(open, 'postings') >= blockPostings
    const full = open ? intOf(open, 'full') + (isFull ? 1n : 0n) : 0n
    const begun = { ...moves, nth: 0n, full, last: index, earliest: at, latest: at, after, before }
    if (!open) return [putBlock(begun)]
    // An event is never cut, so that a block may hold some more.
    if (isFull) return [putBlock({ ...open, nth: full, full: 0n }), putBlock(begun)]
    return [
      putBlock({
        ...begun,
        postings: intOf(open, 'postings') + moves.postings,
        owed: intOf(open, 'owed') + moves.owed,
        held: intOf(open, 'held') + moves.held,
        earliest: least(textOf(open, 'earliest'), at),
        latest: most(textOf(open, 'latest'), at),
        after: least(textOf(open, 'after'), after),
        before: most(textOf(open, 'before'), before),
      }),
    ]
  })

/** Log indexes from the first up to and with the last. */
export type Stretch = { readonly from: bigint; readonly to: bigint }

/** What whole blocks come to, and the stretches of which the postings themselves have to be asked. */
export type Sifted = {
  readonly owed: bigint
  readonly held: bigint
  readonly cut: readonly Stretch[]
  /** Where a posting's bracket may span the moment. */
  readonly straddling: readonly Stretch[]
}

/** Of an account's blocks in the order of the log: what is known at `index`, and happened up to `at`. */
export const sifted = (blocks: readonly Row[], index: bigint, at: string | undefined): Sifted => {
  let [owed, held, from] = [0n, 0n, 0n]
  const cut: Stretch[] = []
  const straddling: Stretch[] = []
  for (const block of blocks) {
    if (from > index) break
    const last = intOf(block, 'last')
    const stretch = { from, to: last < index ? last : index }
    from = last + 1n
    if (at !== undefined && textOf(block, 'after') <= at && textOf(block, 'before') > at) joined(straddling, stretch)
    if (at !== undefined && textOf(block, 'earliest') > at) continue
    if (last > index || (at !== undefined && textOf(block, 'latest') > at)) joined(cut, stretch)
    else [owed, held] = [owed + intOf(block, 'owed'), held + intOf(block, 'held')]
  }
  return { owed, held, cut, straddling }
}

/** Neighbours are asked as one. */
const joined = (stretches: Stretch[], next: Stretch): void => {
  const last = stretches.at(-1)
  if (last && last.to + 1n === next.from) stretches[stretches.length - 1] = { from: last.from, to: next.to }
  else stretches.push(next)
}

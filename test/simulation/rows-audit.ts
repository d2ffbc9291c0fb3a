import { project } from '#eventstore/follower'
import { memoryRows } from '#eventstore/memory/rows'
import { intOf, type Rows, textOf } from '#eventstore/rows'
import { expiry, expiryBy } from '#evidence/expiry'
import { reactorSalt } from '#evidence/reaction'
import { skipsIn } from '#evidence/skips'
import { suspension, suspensionBy } from '#evidence/suspension'
import { verdicts, verdictsBy } from '#evidence/verdicts'
import { projections } from '#projections'
import { postings } from '#projections/postings'
import { type Reactor, recomputeReactions } from '../../apps/tally/reactions.ts'
import type { Holds } from './laws.ts'
import type { World } from './world.ts'

/** Postings balance, and each payment is in them once, for what the phone signed. */
export const askRows = async (
  holds: Holds,
  rows: Rows,
  place: number,
  due: ReadonlyMap<string, { readonly amount: bigint }>,
): Promise<void> => {
  const all = await rows.select(postings, 'posting')
  const balance = new Map<string, bigint>()
  const debits = new Map<string, bigint[]>()
  for (const row of all) {
    const [book, currency, side] = [textOf(row, 'book'), textOf(row, 'currency'), textOf(row, 'side')]
    const amount = intOf(row, 'amount')
    balance.set(
      `${book} ${currency}`,
      (balance.get(`${book} ${currency}`) ?? 0n) + (side === 'debit' ? amount : -amount),
    )
    if (textOf(row, 'account').startsWith('payer:') && side === 'debit') {
      const payment = String(row['payment'])
      debits.set(payment, [...(debits.get(payment) ?? []), amount])
    }
  }
  for (const [book, sum] of balance)
    holds('books balance', sum === 0n, () => `centre ${place}: ${book} is off by ${sum}`)
  for (const payment of new Set([...debits.keys(), ...due.keys()])) {
    const [found, asked] = [debits.get(payment) ?? [], due.get(payment)?.amount]
    holds(
      'one payment, one posting',
      found.length === 1 && found[0] === asked,
      () => `centre ${place}: payment ${payment} of ${asked} was debited as ${found.join(' and ') || 'nothing'}`,
    )
  }
}

/** The rows of everything that a log holds, folded by somebody who knows nothing else. */
export const foldAnew = async (log: World['log']): Promise<Rows> => {
  const fresh = memoryRows()
  const stop = new AbortController()
  const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && stop.abort()
  const skips = skipsIn(log)
  await project({ store: log, rows: fresh, projections, skips, signal: stop.signal, pageSize: 100, onProgress })
  return fresh
}

/** A fresh fold in another adapter, by other pages, gives the same rows. */
export const refold = async (holds: Holds, { log, crypto }: World, rows: Rows, place: number): Promise<void> => {
  const fresh = await foldAnew(log)
  for (const projection of projections) {
    const equal = (await rows.fingerprint(projection, crypto)) === (await fresh.fingerprint(projection, crypto))
    holds(
      'rows are a fold',
      equal,
      () => `centre ${place}: rows of ${projection.name} differ from a fold of ${log.events.length} events`,
    )
  }
}

/** Every reactor's decisions made again from the log: as they are there, none is missing and none too much. */
export const reactAgain = async (holds: Holds, { log, crypto, keys }: World): Promise<void> => {
  const salt = reactorSalt(crypto, keys.saltKey)
  const make: Reactor['make'] = store => verdicts({ store, crypto, keys, salt })
  const ending: Reactor['make'] = store => expiry({ store, crypto, salt })
  const suspending: Reactor['make'] = store => suspension({ store, crypto, salt })
  const found = [
    ...(await recomputeReactions(log, { by: verdictsBy, make })),
    ...(await recomputeReactions(log, { by: expiryBy, make: ending })),
    ...(await recomputeReactions(log, { by: suspensionBy, make: suspending })),
  ]
  holds('reactions follow', found.length === 0, () => found.join('; '))
}

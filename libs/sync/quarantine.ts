import { hex } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import type { Decider, Refusal } from '#canonical/decider'
import { EventMalformed, verifyEvent } from '#canonical/event'
import type { BatchBody, BatchStatement } from './batch.ts'
import type { QuarantineEvent } from './events.ts'

/**
 * What a terminal signed and the centre refused. It may hold payments, so it is kept whole, once, until an operator has
 * it taken in anew or rejects it for good. A terminal cannot fill the centre's disk with it.
 */

export const quarantineMax = { batches: 32, octets: 16 * 1024 * 1024 }

/* ------------------------------------------------------------------ words */

type Kept = Extract<QuarantineEvent, { type: 'BatchQuarantined' }>['data']

export type QuarantineCommand = { readonly terminal: string; readonly batch: string } & (
  | ({ readonly type: 'Keep' } & Kept)
  | { readonly type: 'Release'; readonly reason: string }
  | { readonly type: 'Reject'; readonly reason: string }
)

export type QuarantineRefusal = Refusal & {
  readonly reason: 'BatchContinued' | 'BatchRejected' | 'BatchReleased' | 'BatchUnknown' | 'QuarantineFull'
}

/* ------------------------------------------------------------------ state */

/** `continued`: a longer batch that begins with it was kept since, and is decided in its place. */
type BatchStanding = 'kept' | 'continued' | 'released' | 'rejected'

export type QuarantinedBatch = Omit<Kept, 'terminal'> & { readonly standing: BatchStanding }

export type Quarantine = {
  readonly batches: ReadonlyMap<string, QuarantinedBatch>
  /** By `statementKey`: a statement is signed once, and speaks of one batch. */
  readonly statements: ReadonlyMap<string, string>
}

/** What of a quarantine waits for somebody, and how many octets lie there for it. */
export const waitingIn = ({ batches }: Quarantine) => {
  const kept = [...batches.values()].filter(({ standing }) => standing === 'kept')
  const octetsOf = (each: QuarantinedBatch): number =>
    each.octets + (each.extends === undefined ? 0 : octetsOf(batches.get(each.extends) as QuarantinedBatch))
  return { kept, octets: kept.reduce((sum, each) => sum + octetsOf(each), 0) }
}

/** A batch by what was sent: the same events from the same revision are the same batch, however often they are signed. */
export const batchHash = (
  crypto: Crypto,
  terminal: string,
  { from, events }: Pick<BatchBody, 'from' | 'events'>,
): string => {
  const texts = events.map(text => JSON.stringify(text)).join(',')
  return hex(crypto.sha256(`tallystick-batch-1\n${terminal}\n${from}\n${texts}`))
}

/** Another's events under the same statement are kept once as well, and never in place of the terminal's own. */
export const statementKey = ({ statementHash, chained }: Pick<Kept, 'statementHash' | 'chained'>): string =>
  `${statementHash} ${chained}`

/** Do these octets, event by event, hash to the head that the terminal signed? */
export const isChained = (crypto: Crypto, { events }: BatchBody, { head }: BatchStatement): boolean => {
  try {
    const read = events.map(text => verifyEvent(crypto, text))
    return read.every(({ prev }, at) => at === 0 || prev === read[at - 1]?.hash) && read.at(-1)?.hash === head
  } catch (error) {
    if (error instanceof EventMalformed) return false
    throw error
  }
}

/** The kept batch that this one begins with, the longest: a terminal that sells on sends its old events again. */
export const begunBy = (crypto: Crypto, state: Quarantine, terminal: string, body: BatchBody): string | undefined =>
  waitingIn(state)
    .kept.filter(({ from, count }) => from === body.from && count < body.events.length)
    .sort((a, b) => b.count - a.count)
    .find(
      ({ batch, from, count }) => batchHash(crypto, terminal, { from, events: body.events.slice(0, count) }) === batch,
    )?.batch

/* ----------------------------------------------------------------- decide */

const decide = (command: QuarantineCommand, state: Quarantine): readonly QuarantineEvent[] | QuarantineRefusal => {
  const { terminal, batch } = command
  const held = state.batches.get(batch)
  switch (command.type) {
    case 'Keep': {
      if (held || state.statements.has(statementKey(command))) return []
      const { kept, octets } = waitingIn(state)
      const count = kept.filter(each => each.batch !== command.extends).length + 1
      if (count > quarantineMax.batches || octets + command.octets > quarantineMax.octets)
        return {
          reason: 'QuarantineFull',
          message: `${kept.length} batches of ${terminal} with ${octets} octets wait in quarantine, and no more than ${quarantineMax.batches} or ${quarantineMax.octets} octets are kept: release or reject those first. This one is not kept here; it stays at the terminal.`,
          terminal,
          batches: kept.length,
          octets,
        }
      const { type: _, ...fact } = command
      return [{ type: 'BatchQuarantined', data: fact }]
    }

    case 'Release':
      if (!held) return unknown(terminal, batch)
      if (held.standing === 'released') return []
      if (held.standing === 'rejected') return rejected(terminal, batch)
      if (held.standing === 'continued') return continued(terminal, batch)
      return [{ type: 'QuarantineReleased', data: { terminal, batch, reason: command.reason } }]

    case 'Reject':
      if (!held) return unknown(terminal, batch)
      if (held.standing === 'rejected') return []
      if (held.standing === 'released')
        return {
          reason: 'BatchReleased',
          message: `Batch ${batch.slice(0, 12)}… of ${terminal} was released, and is part of the log: nothing takes it out of there. What came of its payments is decided with each of them.`,
          terminal,
          batch,
        }
      if (held.standing === 'continued') return continued(terminal, batch)
      return [{ type: 'QuarantineRejected', data: { terminal, batch, reason: command.reason } }]
  }
}

const unknown = (terminal: string, batch: string): QuarantineRefusal => ({
  reason: 'BatchUnknown',
  message: `No batch ${batch.slice(0, 12)}… of ${terminal} is in quarantine: the terminal's page lists those that are.`,
  terminal,
  batch,
})
const rejected = (terminal: string, batch: string): QuarantineRefusal => ({
  reason: 'BatchRejected',
  message: `Batch ${batch.slice(0, 12)}… of ${terminal} was rejected for good. The terminal still has it: import it from its disk, in other batches, if that was a mistake.`,
  terminal,
  batch,
})
const continued = (terminal: string, batch: string): QuarantineRefusal => ({
  reason: 'BatchContinued',
  message: `Batch ${batch.slice(0, 12)}… of ${terminal} came again with more behind it: decide the longer one, which holds it.`,
  terminal,
  batch,
})

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Quarantine, event: QuarantineEvent): Quarantine => {
  const stands = (batch: string, standing: BatchStanding): Quarantine => {
    const held = state.batches.get(batch)
    return held ? { ...state, batches: new Map(state.batches).set(batch, { ...held, standing }) } : state
  }
  switch (event.type) {
    case 'BatchQuarantined': {
      const { terminal: _, ...kept } = event.data
      const { batch } = kept
      const { batches } = kept.extends === undefined ? state : stands(kept.extends, 'continued')
      return {
        batches: new Map(batches).set(batch, { ...kept, standing: 'kept' }),
        statements: new Map(state.statements).set(statementKey(kept), batch),
      }
    }
    case 'QuarantineReleased':
      return stands(event.data.batch, 'released')
    case 'QuarantineRejected':
      return stands(event.data.batch, 'rejected')
  }
}

export const quarantine: Decider<Quarantine, QuarantineCommand, QuarantineEvent, QuarantineRefusal> = {
  initialState: { batches: new Map(), statements: new Map() },
  decide,
  evolve,
}

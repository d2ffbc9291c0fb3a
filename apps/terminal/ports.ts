import type { Subject } from 'rxjs'
import type { Clock } from '#canonical/clock'
import type { Crypto, KeyPair } from '#canonical/crypto'
import type { Refusal } from '#canonical/decider'
import type { EventStore, StoredEvent } from '#eventstore'
import type { Reader } from '#nfc/reader'
import type { BatchAnswer, BatchBody } from '#sync/batch'
import type { LogPage } from '#sync/recovery'
import type { OfferedRules, RuleDocuments } from '#tap/rules'
import type { FindableBy } from '#till/window'

/** What a terminal needs of the world around it. */

export type Identity = {
  readonly terminal: string
  /** The centre's name for its log: a batch for one centre is nothing to another. */
  readonly origin: string
  readonly mode: 'test' | 'live'
  readonly rootPublicKey: string
  /** The shop's time zone, in which its days turn: an IANA name. */
  readonly zone: string
  readonly keys: { readonly p256: KeyPair; readonly ed25519: KeyPair }
  readonly certificate: string
}

/** What an enrolment gives: who the terminal is, and the first rules it works under. */
export type Enrolled = { readonly identity: Identity; readonly rules: RuleDocuments }

/** Rows beside the log, durable when the call returns. */
export type Notes = { note(key: string): string | undefined; setNote(key: string, text: string): void }

/**
 * Beside the log and not in it: what was written last. It may lag behind the log, and never leads, so that a log that
 * went back is behind it. No sync to the disk is asked for: what a power cut takes of it makes it lag.
 */
export type Marker = { read(): string | undefined; write(text: string): void }

/** Events of the terminal's own log that say this of themselves, the oldest first, however long the log is. */
export type Past = { find(name: FindableBy, value: string): StoredEvent[] }
/** PINs as they may lie on a disk. */
export type Pins = { hash(pin: string): Promise<string>; matches(pin: string, hash: string): Promise<boolean> }

/** The centre's rules, its clock, and how far it holds this terminal's log (−1: nothing; a centre of 0.1.0 says nothing). */
export type RulesAnswer = OfferedRules & {
  readonly at: string
  readonly heldTo?: number | undefined
  /** The centre's signed word on this terminal; a centre of 0.2.0 has none. */
  readonly assignment?: string | undefined
}

/** The way to the centre. All throw `LinkDown` where there is no answer. */
export type Link = {
  send(batch: BatchBody): Promise<BatchAnswer | Refusal>
  /** `have` names the documents that are here (`haveOf`): what changed is enough. Both are asked by a request that the terminal signs: see `#license/request`. */
  rules(request: string, have?: string): Promise<RulesAnswer | Refusal>
  /** What became of these events of its own: signed, in answer to this request. */
  verdicts(
    request: string,
    revisions: readonly number[],
  ): Promise<{ readonly verdicts: string; readonly at: string } | Refusal>
  /** Its own log, from this revision on, to the end of one batch. */
  log(request: string, from: number): Promise<LogPage | Refusal>
  certificate(request: string): Promise<{ readonly certificate: string; readonly at: string } | Refusal>
}

/**
 * A folder in which test and live have met: its log is of the one, its enrolment or its certificate of the other. The
 * caller prints the line and stops, before a phone is asked for anything.
 */
export class ModesMixed extends Error {
  readonly code = 'ModesMixed'
}

/** No answer from the centre. The drain waits and tries again; a tap never notices. */
export class LinkDown extends Error {
  readonly code = 'LinkDown'
  readonly retryAfter_s: number | undefined
  constructor(message: string, retryAfter_s?: number, options?: ErrorOptions) {
    super(message, options)
    this.retryAfter_s = retryAfter_s
  }
}

/** The moments between a sale and its receipt at which a terminal may be killed; told as they pass. */
export const moments = [
  'sale keyed',
  'field entered',
  'GET #1 answered',
  'deduction decided',
  'deduction on disk',
  'PUT answered',
  'GET #2 answered',
  'payment opened',
  'transaction on disk',
  'receipt handed over',
] as const
export type Moment = (typeof moments)[number]

export type TerminalParts = {
  readonly clock: Clock
  readonly crypto: Crypto
  readonly store: EventStore
  readonly notes: Notes
  readonly past: Past
  readonly marker: Marker
  /** How many transactions stay in mind, and after how many events the state is kept for the next start. */
  readonly window?: { readonly inMind: number; readonly snapshotEvery: number }
  readonly pins: Pins
  readonly reader: Reader
  readonly readerState?: () => { readonly state: 'ready' | 'fault'; readonly message?: string }
  readonly link: Link
  readonly identity: Identity
  /** The documents of the enrolment, adopted if the log holds none yet. */
  readonly firstRules: RuleDocuments
  readonly sleep: (wait_ms: number, signal: AbortSignal) => Promise<void>
  /** Its version, told to the centre with each request. */
  readonly software?: string
  readonly passing?: (moment: Moment) => void
  readonly log: { info(line: string): void; warn(line: string): void; error(line: string): void }
}

/** What wakes a screen. */
export type News = Subject<{ readonly kind: string }>

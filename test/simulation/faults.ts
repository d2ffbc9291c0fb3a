import type { Moment } from '../../apps/terminal/ports.ts'

/** All that can go wrong in a simulated world: what it is called, and how often it comes. */

/** In a thousand chances of its own kind: an exchange, a message, an append, a moment; of a step, its weight. */
export const usualRates = {
  'field lost': 45,
  'message lost': 60,
  'answer lost': 60,
  'message twice': 80,
  'message delayed': 90,
  partition: 14,
  'terminal crash': 25,
  'torn write': 16,
  'disk full': 8,
  'phone crash': 20,
  'centre power lost': 20,
  'follower killed': 6,
  'leader change': 40,
  'clock off': 5,
  'clock wrong by years': 3,
  'tap relayed': 60,
  'answers replayed': 30,
  'key rotated': 3,
  'key compromised': 3,
  'terminal moved': 3,
  'terminal suspended': 3,
  'deny list late': 3,
  'centre restored': 3,
  'phone cloned': 3,
  'phone rolled back': 3,
  'terminal cloned': 2,
  'old image': 4,
} as const satisfies Record<string, number>

/** Those that are steps of their own. */
export const faultSteps = [
  'partition',
  'clock off',
  'clock wrong by years',
  'key rotated',
  'key compromised',
  'terminal moved',
  'terminal suspended',
  'deny list late',
  'centre restored',
  'phone cloned',
  'phone rolled back',
  'terminal cloned',
  'old image',
] as const satisfies readonly FaultKind[]

export type FaultKind = keyof typeof usualRates
export type Rates = Readonly<Record<FaultKind, number>>
export const faultKinds = Object.keys(usualRates) as FaultKind[]

/** What a world asks as it goes on; each answer may be a fault. */
export type Faults = {
  /** Before each exchange: lose the field before the phone hears, or after it answered. */
  readonly field: () => 'kept' | 'lost before' | 'lost after'
  /** Before each exchange: what does a holder do whose phone waits for consent? */
  readonly holder: () => 'waits' | 'consents' | 'refuses'
  /** Before each tap: is the phone near, far away behind a relay, or not there at all, and its old answers in its place? */
  readonly relay: () => { readonly delay_ms: number; readonly isReplay: boolean }
  /** Before each message to the centre: lost on the way, answer lost, said twice, or heard when nobody waits any more. */
  readonly network: () => 'kept' | 'lost' | 'answer lost' | 'twice' | 'twice at once' | 'delayed'
  /** After each message: does one that was delayed arrive now, behind one that was said later? */
  readonly overtaken: () => boolean
  /** Before each message: which of the centres on the one log hears it? */
  readonly centre: (centres: number) => number
  /** As each moment passes: crash here? */
  readonly crash: (moment: Moment) => boolean
  /** At each write of a terminal, of its log or beside it: is the disk full, is the write torn, does it die just after? */
  readonly disk: (of: 'log' | 'note') => 'kept' | 'full' | 'torn' | 'lost after'
  /** At each write of a phone. */
  readonly phone: () => 'kept' | 'torn' | 'lost after'
  /** At each append of a centre: does it lose its power before the write, or after it? */
  readonly power: (stream: string) => 'kept' | 'lost before' | 'lost after'
  /** At each page that a projector writes. */
  readonly follower: () => 'kept' | 'lost before' | 'lost after'
  /** At each append of a centre: the store's leader goes before it has written, or before it has answered. */
  readonly leader: () => 'kept' | 'gone before' | 'gone after'
  /** At each call of a centre's store: so many turns of the others come first. */
  readonly wait: () => number
}

export const noFaults: Faults = {
  field: () => 'kept',
  holder: () => 'waits',
  relay: () => ({ delay_ms: 0, isReplay: false }),
  network: () => 'kept',
  overtaken: () => false,
  centre: () => 0,
  crash: () => false,
  disk: () => 'kept',
  phone: () => 'kept',
  power: () => 'kept',
  follower: () => 'kept',
  leader: () => 'kept',
  wait: () => 0,
}

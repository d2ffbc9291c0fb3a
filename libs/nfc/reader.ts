import type { Bytes } from '#canonical/bytes'

/**
 * What a terminal needs of a reader, whatever the radio: one meeting at a time, whole SNEP messages. Nothing above
 * SNEP knows which radio it is on; the event records it.
 */
export interface Reader {
  readonly radio: Radio
  /** Meetings as phones come into the field, until the signal. One at a time: the next begins after the last ended. */
  taps(signal: AbortSignal): AsyncIterable<Meeting>
}

export type Radio = 'loopback' | 'iso-dep' | 'nfc-dep'

export interface Meeting {
  /** Sends one SNEP request and gives the SNEP response, both whole. Throws `FieldLost`, or `PeerUnfit`. */
  exchange(request: Bytes): Promise<Bytes>
  /** Ends the meeting from this side. */
  leave(): Promise<void>
}

/** The phone left the field, or the radio broke, before the answer was whole. The tap is torn from here on. */
export class FieldLost extends Error {
  readonly code = 'FieldLost'
}

/** Something else is in the field: a bank card, a key fob. `found` says what it answered. */
export class PeerUnfit extends Error {
  readonly code = 'PeerUnfit'
  constructor(readonly found: string) {
    super(`Not a Tallystick phone: it answered ${found}.`)
  }
}

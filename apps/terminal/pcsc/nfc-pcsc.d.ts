/** What we use of nfc-pcsc 0.8.1, which brings no types. */
declare module 'nfc-pcsc' {
  import type { EventEmitter } from 'node:events'

  export interface Logger {
    log(...what: unknown[]): void
    debug(...what: unknown[]): void
    info(...what: unknown[]): void
    warn(...what: unknown[]): void
    error(...what: unknown[]): void
  }

  interface ReaderEvents {
    /** With autoProcessing off: a card came and is connected, or so the library believes. */
    card: []
    'card.off': []
    error: [Error]
    /** The reader was unplugged, or pcscd died. */
    end: []
  }

  export interface Reader extends EventEmitter<ReaderEvents> {
    readonly name: string
    autoProcessing: boolean
    /** `protocol` is missing where a card came back before the library had done with the last one. */
    readonly connection: { readonly protocol?: number } | null
    connect(): Promise<unknown>
    disconnect(): Promise<unknown>
    transmit(command: Buffer, responseMaxLength: number): Promise<Buffer>
    close(): void
    /** The reader of @pokusew/pcsclite underneath. */
    readonly reader: EventEmitter<{ status: [{ readonly state: number }] }> & {
      readonly SCARD_UNPOWER_CARD: number
      readonly SCARD_STATE_PRESENT: number
      disconnect(disposition: number, done: (error?: Error | null) => void): void
    }
  }

  export class NFC extends EventEmitter<{ reader: [Reader]; error: [Error] }> {
    constructor(logger?: Logger)
    close(): void
  }
}

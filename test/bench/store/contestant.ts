import type { EventToAppend } from '#eventstore'

/** A log that is measured: ours, the bare driver under it, or a peer. Each runs in a process of its own (`lane.ts`). */
export interface Contestant {
  /** Appends to a stream that holds so many events already; durable when it settles, or as `durable` says. */
  append?(stream: string, held: number, events: readonly EventToAppend[]): unknown
  /** Reads all events in their order and parses each, as many at a time as suits it; says how many after each page. */
  readAll?(page: (events: number) => void): Promise<void>
  /** How many events it holds, asked behind the contestant's back. */
  count(): Promise<number>
  /** What was on disk when an append settled, as the engine itself answers. */
  durable(): Promise<string>
  close(): Promise<void> | void
}

/** Where a contestant keeps its log: a file, or a server's address. */
export type Opens = (at: string) => Contestant | Promise<Contestant>

/** An event of some 300 octets of canonical JSON, another one for each number. */
export const eventOf = (number: number): EventToAppend => {
  const digits = number.toString(16).padStart(12, '0')
  const id = `00000000-0000-7000-8000-${digits}`
  const type = 'TransactionRecorded'
  const text =
    `{"data":{"account":"acc-${digits}","amount":"${100 + (number % 9900)}","currency":"EUR","receipt":${number},` +
    `"terminal":"T-1001"},"hash":"${digits}5xGm0cW1q3yJ9rVb7uKd2nTzQ4oLsEhPfXaYiRtN","id":"${id}",` +
    `"revision":${number},"type":"${type}","at":"2026-11-23T12:00:00.000Z"}`
  return { id, type, text }
}

/** Of the streams that a log is made with. */
export const streamName = (number: number): string => `account-${number}`

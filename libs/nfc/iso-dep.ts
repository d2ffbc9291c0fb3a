import { type Bytes, concat, fromHex, hex } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'
import { type Answer, type Command, decodeAnswer, decodeCommand, encodeAnswer, encodeCommand } from './apdu.ts'
import { FieldLost, PeerUnfit } from './reader.ts'
import { bareResponse, messageLength, SERVICE_LIMIT, SNEP_HEADER } from './snep.ts'

/**
 * SNEP messages over ISO-DEP, where the phone is a card (ISO/IEC 7816-4): SELECT by AID, a SNEP request in ENVELOPE
 * commands with chaining, its response by GET RESPONSE. Both sides without I/O. Short APDUs only: not every reader and
 * phone passes extended ones.
 */

/** "TALLY", version 1, in the range for applications that are not registered. */
export const AID = fromHex('f054414c4c5901')

const SELECT = 0xa4
const ENVELOPE = 0xc3
const GET_RESPONSE = 0xc0
const CHAINED = 0x10
const SHORT_DATA = 255
const SHORT_NE = 256

const DONE = 0x9000
const MORE = 0x61

// The terminal's side

/** A conversation of the terminal: gives command APDUs, takes answer APDUs, returns what came of it. */
export type Conversation<Outcome> = Generator<Bytes, Outcome, Uint8Array>

/** Throws `PeerUnfit` from the conversation where something else than our phone is in the field. */
export function* select(): Conversation<void> {
  const data = AID
  const { sw } = readAnswer(yield encodeCommand({ cla: 0, ins: SELECT, p1: 4, p2: 0, data, le: SHORT_NE }))
  if (sw !== DONE && sw >> 8 !== MORE) throw new PeerUnfit(`${words(sw)} to SELECT`)
}

/** Sends one SNEP request and returns the response, whole. Throws `FieldLost` or `PeerUnfit` from the conversation. */
export function* exchange(request: Uint8Array): Conversation<Bytes> {
  let answer: Answer | null = null
  for (let at = 0; at < request.length; at += SHORT_DATA) {
    const data = new Uint8Array(request.subarray(at, at + SHORT_DATA))
    const last = at + SHORT_DATA >= request.length
    const command = { cla: last ? 0 : CHAINED, ins: ENVELOPE, p1: 0, p2: 0, data }
    answer = readAnswer(yield encodeCommand(last ? { ...command, le: SHORT_NE } : command))
    if (!last && answer.sw !== DONE) throw new PeerUnfit(`${words(answer.sw)} to ENVELOPE`)
  }
  if (answer === null) throw new RangeError('an empty SNEP request')

  let response: Bytes = answer.data
  while (answer.sw >> 8 === MORE) {
    const le: number = answer.sw & 0xff || SHORT_NE
    answer = readAnswer(yield encodeCommand({ cla: 0, ins: GET_RESPONSE, p1: 0, p2: 0, data: new Uint8Array(0), le }))
    response = concat(response, answer.data)
    // Either would have us ask for ever.
    if (answer.data.length === 0) throw new PeerUnfit(`${words(answer.sw)} and no data to GET RESPONSE`)
    if (response.length > SNEP_HEADER + SERVICE_LIMIT) throw new PeerUnfit(`more than ${SERVICE_LIMIT} octets`)
  }
  if (answer.sw !== DONE) throw new PeerUnfit(`${words(answer.sw)} to ENVELOPE`)
  // A card torn out in mid-answer can look like a short answer (a driver may report it so): never take a part for the
  // whole.
  if (response.length !== messageLength(response)) throw new FieldLost('The card was gone before its answer was whole.')
  return response
}

const readAnswer = (bytes: Uint8Array): Answer => {
  try {
    return decodeAnswer(bytes)
  } catch (cause) {
    if (cause instanceof Malformed) throw new FieldLost('The card was gone before it answered.', { cause })
    throw cause
  }
}

const words = (sw: number): string => `SW ${hex(new Uint8Array([sw >> 8, sw & 0xff])).toUpperCase()}`

// The phone's side

/** What the phone as a card holds between two commands. Power off or reset makes it `initialCard` again. */
export type Card = {
  readonly selected: boolean
  /** Of the request in hand, what came in chained commands so far; null where none is. */
  readonly incoming: Bytes | null
  /** Of the last response, what the terminal has not fetched yet. */
  readonly outgoing: Bytes | null
  /** A request was handed out and `respond` has not been called: no command can come now. */
  readonly owes: { readonly le: number } | null
}

export const initialCard: Card = { selected: false, incoming: null, outgoing: null, owes: null }

/** Either the answer at once, or a SNEP request to be answered through `respond`. */
export type CardStep =
  | { readonly card: Card; readonly answer: Bytes }
  | { readonly card: Card; readonly request: Bytes }

/** Takes one command APDU. Never throws: what it cannot take is answered with status words, and changes nothing. */
export const takeCommand = (card: Card, apdu: Uint8Array): CardStep => {
  const refuse = (sw: number): CardStep => ({ card, answer: status(sw) })
  let command: Command
  try {
    command = decodeCommand(apdu)
  } catch (cause) {
    if (cause instanceof Malformed) return refuse(0x6700)
    throw cause
  }
  const { cla, ins, p1, p2, data, le } = command
  const chained = cla === CHAINED
  if (cla !== 0 && !chained) return refuse(0x6e00)
  if (ins !== SELECT && ins !== ENVELOPE && ins !== GET_RESPONSE) return refuse(0x6d00)
  if (chained && ins !== ENVELOPE) return refuse(0x6884)

  if (ins === SELECT) {
    // By name, first or only occurrence, with or without file control information.
    if (p1 !== 4 || (p2 !== 0 && p2 !== 0x0c)) return refuse(0x6a86)
    if (hex(data) !== hex(AID)) return { card: initialCard, answer: status(0x6a82) }
    return { card: { ...initialCard, selected: true }, answer: status(DONE) }
  }
  if (!card.selected) return refuse(0x6985)
  if (p1 !== 0 || p2 !== 0) return refuse(0x6a86)

  if (ins === GET_RESPONSE) {
    if (data.length > 0 || le === undefined) return refuse(0x6700)
    if (card.incoming !== null) return refuse(0x6883)
    return card.outgoing === null ? refuse(0x6985) : serve(card, card.outgoing, le)
  }
  if (data.length === 0) return refuse(0x6700)
  const incoming = concat(card.incoming ?? new Uint8Array(0), data)
  const tooLong = incoming.length > SNEP_HEADER + SERVICE_LIMIT
  // What is over the limit is not kept, only that it was: one octet more than the limit says so.
  const kept = tooLong ? incoming.slice(0, SNEP_HEADER + SERVICE_LIMIT + 1) : incoming
  if (chained) return { card: { ...card, incoming: kept, outgoing: null }, answer: status(DONE) }
  const taken = { ...card, incoming: null, outgoing: null }
  if (tooLong) return serve(taken, bareResponse('REJECT'), le ?? 0)
  return { card: { ...taken, owes: { le: le ?? 0 } }, request: incoming }
}

/** Answers the request that `takeCommand` handed out with a SNEP response; its first piece goes out at once. */
export const respond = (card: Card, response: Bytes): { readonly card: Card; readonly answer: Bytes } => {
  if (card.owes === null) throw new RangeError('a response to no request')
  return serve({ ...card, owes: null }, response, card.owes.le)
}

const serve = (card: Card, rest: Bytes, le: number): { readonly card: Card; readonly answer: Bytes } => {
  // Never more than a short answer holds, even to whoever asks for it.
  const piece = rest.slice(0, Math.min(le, SHORT_NE))
  const left = rest.slice(piece.length)
  // 61 00 stands for 256 octets or more.
  const sw = left.length === 0 ? DONE : (MORE << 8) | (left.length < SHORT_NE ? left.length : 0)
  return { card: { ...card, outgoing: left.length === 0 ? null : left }, answer: encodeAnswer({ data: piece, sw }) }
}

const status = (sw: number): Bytes => encodeAnswer({ data: new Uint8Array(0), sw })

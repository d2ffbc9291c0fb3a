import type { Bytes } from '#canonical/bytes'
import { trustEvent } from '#canonical/event'
import { decodeMessage } from '#nfc/ndef'
import { FieldLost, type Meeting } from '#nfc/reader'
import { decodeRequest } from '#nfc/snep'
import { answer, emptyField, type Field, type Holder, type PhoneMemory } from '#tap/phone'
import type { Message } from '#tap/terminal'
import { makeWorld, orThrow, type World, type WorldOptions } from '../simulation/world.ts'

/**
 * A counter: the real terminal of a small world, and phones whose every frame the test holds in its hand. What goes
 * over the air can be lost, cut or exchanged at any message, in either direction.
 */

export type Heard = { readonly message: Message; readonly request: Bytes; readonly response: Bytes }

/** What the air does to one meeting. */
export type Air = {
  /** The field is lost before the phone hears this message, or before the terminal hears the answer. */
  readonly lost?: { readonly at: Message; readonly when: 'before' | 'after' }
  readonly request?: (message: Message, octets: Bytes) => Bytes
  readonly response?: (message: Message, octets: Bytes) => Bytes
}

export type Phone = { memory: PhoneMemory; consent: Holder['consent'] }

const names: Readonly<Record<string, Message>> = {
  hello: 'GET #1',
  deduction: 'PUT',
  'payment-request': 'GET #2',
  receipt: 'PUT receipt',
}

export const messageOf = (request: Bytes): Message => {
  const [record] = decodeMessage(decodeRequest(request).information)
  return names[record?.type.replace('tallystick.dev:', '') ?? ''] as Message
}

export type Counter = Awaited<ReturnType<typeof counter>>

export const counter = async (seed: string, options: Partial<WorldOptions> = {}) => {
  const world = await makeWorld({ seed, ...options })
  return { world, ...counterOf(world) }
}

const counterOf = (world: World) => {
  const { clock, crypto } = world
  const till = () => world.till()
  const log = () => world.shops.get('T-1')?.store.events ?? []

  return {
    phoneOf: (account: string): Phone => ({
      memory: world.disk.get(world.phoneOf(account)) as PhoneMemory,
      consent: () => 'given',
    }),
    till,
    log,
    /** Types of the terminal's events from a revision on. */
    told: (from: number): string[] =>
      log()
        .slice(from)
        .map(({ type }) => type),
    event: <Data>(type: string) =>
      log()
        .filter(stored => stored.type === type)
        .map(stored => trustEvent(stored.text).data as Data),
    key: async (minor: bigint): Promise<string> => (orThrow(await world.key(minor)) as { sale: string }).sale,
    saleOf: (sale: string) => {
      const { state, because } = till().saleOf(sale) ?? { state: 'unknown' }
      return because ? { state, reason: because.reason } : { state }
    },
    /** One meeting from field entry to field exit: what each side heard of the other. */
    touch: async (phone: Phone, air: Air = {}): Promise<Heard[]> => {
      const heard: Heard[] = []
      let field: Field = emptyField
      let gone = false
      const lose = (): never => {
        gone = true
        throw new FieldLost('the phone left')
      }
      const meeting: Meeting = {
        exchange: async asked => {
          if (gone) lose()
          clock.at += 20
          const message = messageOf(asked)
          const lost = air.lost?.at === message ? air.lost.when : undefined
          if (lost === 'before') lose()
          const request = air.request?.(message, asked) ?? asked
          const now_s = Math.floor(clock.at / 1000)
          const given = answer(crypto, phone.memory, field, request, { now_s, consent: phone.consent })
          // On disk before the answer leaves.
          phone.memory = given.memory ?? phone.memory
          field = given.field
          heard.push({ message, request, response: given.response })
          if (lost === 'after') lose()
          clock.at += 20
          return air.response?.(message, given.response) ?? given.response
        },
        leave: async () => {
          gone = true
        },
      }
      await till().meet(meeting, new AbortController().signal)
      return heard
    },
    end: () => world.end(),
  }
}

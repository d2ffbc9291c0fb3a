import type { Bytes } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import type { StoredEvent } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import { FieldLost, type Meeting } from '#nfc/reader'
import type { KeyText, PhoneMemory } from '#tap/phone'
import { findable } from '#till/window'
import type { BackOffice } from '../../apps/back-office/back-office.ts'
import { enrolWith } from '../../apps/terminal/enrol.ts'
import { type Identity, type Link, LinkDown, type Past } from '../../apps/terminal/ports.ts'
import { type Terminal, terminal } from '../../apps/terminal/terminal.ts'
import { type Wallet, wallet } from '../../apps/wallet/wallet.ts'
import { type Centres, town } from './centres.ts'

/** What stands in the town's shops and lies in its people's pockets: the apps' own terminals and phones. */

export type Till = {
  readonly id: string
  readonly shop: string
  readonly merchant: string
  readonly zone: string
  readonly store: ReturnType<typeof memoryStore>
  readonly identity: Identity
  readonly node: Terminal
  online: boolean
  skew_ms: number
  /** Burnt: nobody ever hears of it again. */
  gone: boolean
}

export type Clock = { at: number; now(): number }
/** How far a terminal's log had come to the centre, and when. */
export type Delivery = { readonly at_ms: number; readonly terminal: string; readonly to: number }

/** Whoever may let something pass, at the tills that have staff. */
export const supervisor = { staff: '7', pin: '4711' }

const quiet = { info: () => {}, warn: () => {}, error: () => {} }

export const orThrow = <Answer>(answer: Answer | Refusal): Answer => {
  if (typeof answer === 'object' && answer !== null && isRefusal(answer)) throw new Error(answer.message)
  return answer
}

type World = {
  readonly clock: Clock
  readonly crypto: Crypto
  readonly centres: () => Centres
  readonly order: <Answer>(who: string, act: (node: BackOffice) => Promise<Answer>) => Promise<Answer>
  readonly delivered: (delivery: Delivery) => void
}

/** A till's old events by the words that name them, as its disk's index has them: a month is too long to be searched. */
const pastOf = ({ events }: Pick<Till['store'], 'events'>): Past => {
  const found = new Map<string, StoredEvent[]>()
  let read = 0
  const readOn = (): void => {
    for (; read < events.length; read++) {
      const event = events[read] as StoredEvent
      const names = findable.filter(({ types }) => (types as readonly string[]).includes(event.type))
      if (names.length === 0) continue
      const { data } = JSON.parse(event.text) as { data: Record<string, unknown> }
      for (const { name } of names) {
        const key = `${name} ${String(data[name])}`
        found.set(key, [...(found.get(key) ?? []), event])
      }
    }
  }
  return {
    find: (name, value) => {
      readOn()
      return found.get(`${name} ${value}`) ?? []
    },
  }
}

/** A terminal comes to a shop: invited, enrolled, and never heard of but by its own link. */
export const placeTill = async (
  { clock, crypto, centres, order, delivered }: World,
  place: Pick<Till, 'id' | 'shop' | 'merchant' | 'zone'>,
): Promise<Till> => {
  const { id, shop } = place
  const { code } = orThrow(await order(town, node => node.inviteTerminal({ terminal: id, shop, by: 'operator:anna' })))
  const { fingerprint } = centres().node()
  const { identity, rules } = await enrolWith(crypto, code, fingerprint, request =>
    order(town, node => node.enrol(request)),
  )
  const store = memoryStore(() => new Date(clock.at).toISOString())
  const notes = new Map<string, string>()
  /** What becomes of it; its node reads it from the first moment on. */
  const fate = { online: true, skew_ms: 0, gone: false }
  const reach = async <Answer>(call: (node: BackOffice) => Promise<Answer>): Promise<Answer> => {
    if (!fate.online || fate.gone) throw new LinkDown('no network')
    return call(centres().node())
  }
  const link: Link = {
    send: async batch => {
      const answer = await reach(node => node.acceptBatch(id, batch))
      if (!isRefusal(answer)) delivered({ at_ms: clock.at, terminal: id, to: answer.acceptedTo })
      return answer
    },
    rules: request => reach(node => node.rulesFor(id, request)),
    verdicts: (request, revisions) => reach(node => node.verdictsFor(id, request, revisions)),
    log: (request, from) => reach(node => node.logFor(id, request, from)),
    certificate: request => reach(node => node.renewCertificate(id, request)),
  }
  const node = await terminal({
    clock: { now: () => clock.at + fate.skew_ms },
    crypto,
    store,
    notes: { note: key => notes.get(key), setNote: (key, text) => void notes.set(key, text) },
    past: pastOf(store),
    marker: { read: () => undefined, write: () => {} },
    pins: { hash: async pin => `plain ${pin}`, matches: async (pin, hash) => hash === `plain ${pin}` },
    reader: { radio: 'loopback', taps: async function* () {} },
    link,
    identity,
    firstRules: rules,
    sleep: async wait_ms => {
      clock.at += wait_ms
    },
    log: quiet,
  })
  return Object.assign(fate, { ...place, store, identity, node })
}

/** Which exchange of a tap the field is lost in, and on which side of the phone's answer; or how late the answer is. */
export type Cut = { readonly exchange: number } & ({ readonly heard: boolean } | { readonly slow_ms: number })

/** The phones of everybody, and the air between them and the tills. */
export const pockets = (
  { clock, crypto, order }: World,
  tills: ReadonlyMap<string, Till>,
  terminals: readonly string[],
) => {
  const disk = new Map<string, PhoneMemory>()
  const asked = new Map<string, KeyText>()
  let cut: Cut | undefined
  /** Whose phone speaks to the authority. */
  let who = ''
  const stop = new AbortController()
  const meet = async (id: string, respond: (request: Bytes) => Promise<Bytes>): Promise<void> => {
    let exchanges = 0
    let ended = false
    const exchange = async (request: Bytes): Promise<Bytes> => {
      exchanges += 1
      clock.at += 20
      const met = cut?.exchange === exchanges ? cut : undefined
      if (met && 'slow_ms' in met) clock.at += met.slow_ms
      const lost = met && 'heard' in met ? met : undefined
      if (ended || (lost && !lost.heard)) {
        ended = true
        throw new FieldLost('the phone left before it heard')
      }
      const response = await respond(request)
      if (lost) {
        ended = true
        throw new FieldLost('the phone left before it was heard')
      }
      return response
    }
    const meeting: Meeting = {
      exchange,
      leave: async () => {
        ended = true
      },
    }
    await (tills.get(id) as Till).node.meet(meeting, stop.signal)
  }
  const start = (): Wallet =>
    wallet({
      clock,
      crypto,
      disk: {
        phones: () => [...disk.values()],
        keep: memory => void disk.set(memory.phone, memory),
        asked: activation => asked.get(activation),
        keepAsked: (activation, keys) => void (keys ? asked.set(activation, keys) : asked.delete(activation)),
      },
      authority: {
        activate: request => order(who, node => node.activatePhone(request)),
        renew: request => order(who, node => node.renewLicense(request)),
        testify: request => order(who, node => node.testify(request)),
      },
      antenna: meet,
      terminals: terminals.map(terminal => ({ terminal, address: 'here' })),
    })
  let phones = start()
  return {
    get phones(): Wallet {
      return phones
    },
    /** What a phone of this account says to the authority. */
    ofAccount: (account: string): Wallet => {
      who = account
      return phones
    },
    memories: (): PhoneMemory[] => [...disk.values()],
    /** Puts a memory into a pocket that no authority ever saw: a copy, or one that somebody altered. */
    smuggle: (memory: PhoneMemory): void => {
      disk.set(memory.phone, memory)
      phones = start()
    },
    tap: async (phone: string, id: string, lost?: Cut) => {
      cut = lost
      const outcome = await phones.tap(phone, id, true)
      cut = undefined
      return outcome
    },
  }
}

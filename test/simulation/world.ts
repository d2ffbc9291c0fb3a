import { setImmediate } from 'node:timers/promises'
import { type Bytes, concat, u32be } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { trustEvent } from '#canonical/event'
import { type EventStore, type StoredEvent, StoreFailed } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import { memoryHeads } from '#eventstore/memory/heads'
import { memoryRows } from '#eventstore/memory/rows'
import { memoryVault } from '#eventstore/memory/vault'
import type { Rows } from '#eventstore/rows'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { type SyncRequest, signRequest } from '#license/request'
import { nodeCrypto } from '#machine/crypto'
import { minorUnits } from '#money'
import { FieldLost, type Meeting } from '#nfc/reader'
import { projections } from '#projections'
import type { KeyText, PhoneMemory } from '#tap/phone'
import { findable } from '#till/window'
import { memoryTiles } from '#transparency/tiles'
import {
  type AuthorityKeys,
  type KeyKeeper,
  keptInMemory,
  makeAuthorityKeys,
  type OutsideKey,
} from '../../apps/back-office/authority.ts'
import { type BackOffice, backOffice } from '../../apps/back-office/back-office.ts'
import type { Send } from '../../apps/back-office/outbox.ts'
import { enrolWith } from '../../apps/terminal/enrol.ts'
import { type Identity, type Link, LinkDown, type Past } from '../../apps/terminal/ports.ts'
import { type Terminal, terminal } from '../../apps/terminal/terminal.ts'
import { type Wallet, wallet } from '../../apps/wallet/wallet.ts'
import { type Faults, noFaults } from './faults.ts'
import { seededCrypto } from './seeded-crypto.ts'

/**
 * One seeded world: the apps' own nodes on a clock, a radio, a network and disks that the test holds in its hand. No
 * rule is written here twice; what goes wrong is chosen by the faults.
 */

/** Numbers that follow from a seed alone. */
export const dice = (seed: string) => {
  const hash = nodeCrypto()
  let block = 0
  let rest: Bytes = new Uint8Array(0)
  const octets = (size: number): Bytes => {
    while (rest.length < size) rest = concat(rest, hash.sha256(seed, u32be(block++)))
    const taken = rest.slice(0, size)
    rest = rest.slice(size)
    return taken
  }
  const below = (bound: number): number => new DataView(octets(4).buffer).getUint32(0) % bound
  return {
    octets,
    below,
    chance: (percent: number) => below(100) < percent,
    pick: <T>(of: readonly T[]): T => of[below(of.length)] as T,
  }
}

/** A simulated process ends here; what was on disk stays. */
export class Crashed extends Error {
  readonly code = 'Crashed'
}

type Shop = {
  readonly id: string
  readonly store: ReturnType<typeof memoryStore>
  readonly notes: Map<string, string>
  marker: string[]
  readonly identity: Identity
  readonly firstRules: { readonly policy: string; readonly denyList: string; readonly keySet: string }
  node: Terminal
  /** Its process: one that crashed does nothing any more, whatever it was at. */
  life: { off: boolean }
  online: boolean
  /** How far its clock is from the world's. */
  skew_ms: number
  /** By its own clock, when the centre last said yes to it. */
  heard_ms: number
  /** How many answers of the centre have come to it. */
  heard: number
}

/** Of a terminal's disk. */
export type Image = { readonly events: number; readonly notes: ReadonlyMap<string, string> }

/** A centre's process. */
type Life = { node: BackOffice; running: Promise<void>; readonly ending: AbortController; off: boolean }
/** Its rows outlive it. */
type Centre = { readonly rows: Rows; life: Life }

/** What SQLite finds by its indices, found by looking at each event. */
const findIn =
  ({ events }: { readonly events: readonly StoredEvent[] }): Past['find'] =>
  (name, value) => {
    const types: readonly string[] = findable.find(each => each.name === name)?.types ?? []
    const says = ({ text }: StoredEvent) => (JSON.parse(text) as { data: Record<string, unknown> }).data[name] === value
    return events.filter(event => types.includes(event.type) && says(event))
  }

/** Holders leave at last, consent or not. */
const exchangesMax = 60

export type WorldOptions = {
  readonly seed: string
  /** When the world begins; by default on a Monday in November at nine. */
  readonly from_ms?: number
  readonly terminals?: number
  readonly phones?: readonly { readonly account: string; readonly limit: bigint; readonly allowance: string }[]
  readonly faults?: Partial<Faults>
  readonly crypto?: Crypto
  /** The merchant has another shop, to which terminals may move. */
  readonly twoShops?: boolean
  /** So many centres work on one log, each with rows of its own. */
  readonly centres?: number
  /** Wraps the terminal node: mutants break one thing here. */
  readonly breakTerminal?: (parts: Parameters<typeof terminal>[0]) => Parameters<typeof terminal>[0]
  readonly breakCentre?: (store: EventStore) => EventStore
  /** Where the centres' keys lie; by default in memory. */
  readonly keeping?: (keys: AuthorityKeys) => KeyKeeper
  /** Keys that a signer holds which is no part of the centres. */
  readonly outside?: readonly OutsideKey[]
  /** Where the centres tell of exceptions; when the test says so. */
  readonly webhook?: Send
  readonly breakRows?: (rows: Rows) => Rows
  readonly breakDisk?: (keep: (memory: PhoneMemory) => void) => (memory: PhoneMemory) => void
}

export type World = Awaited<ReturnType<typeof makeWorld>>

const quiet = { info: () => {}, warn: () => {}, error: () => {} }

export const orThrow = <Answer>(answer: Answer | Refusal): Answer => {
  if (typeof answer === 'object' && answer !== null && isRefusal(answer)) throw new Error(answer.message)
  return answer
}

/** What is timed at a centre is asked for here, too: its clocks strike for nobody. */
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())))

const firstMoment_ms = Date.UTC(2026, 10, 23, 9)

export const makeWorld = async (options: WorldOptions) => {
  const faults: Faults = { ...noFaults, ...options.faults }
  const random = dice(options.seed)
  const crypto = options.crypto ?? seededCrypto(random.octets)
  const clock = { at: options.from_ms ?? firstMoment_ms, now: () => clock.at }
  const now = () => new Date(clock.at).toISOString()
  const stop = new AbortController()
  /** Faults of a node that no fault of this world explains. */
  const surprises: string[] = []

  /* ---- the centre */

  const keys: AuthorityKeys = makeAuthorityKeys(crypto, clock.at / 1000, 'test', options.outside)
  /** In the folder that the centres share. */
  const keeper = (options.keeping ?? keptInMemory)(keys)
  /** The log's disk may be replaced by what a backup held: see `restoreCentres`. */
  let logDisk = memoryStore(now)
  const log: typeof logDisk = {
    get events() {
      return logDisk.events
    },
    append: (...asked) => logDisk.append(...asked),
    read: (...asked) => logDisk.read(...asked),
    readAll: asked => logDisk.readAll(asked),
    follow: asked => logDisk.follow(asked),
  }
  const heads = memoryHeads()
  const vault = memoryVault()
  const sqlite = sqliteRows(':memory:')
  const breakRows = options.breakRows ?? (rows => rows)

  const startCentre = async (rows: Rows): Promise<Life> => {
    const centreStore = options.breakCentre ? options.breakCentre(log) : log
    const ending = new AbortController()
    const life = { ending, off: false } as Life
    const fails = (): never => {
      life.off = true
      ending.abort()
      throw new Crashed('a centre lost its power')
    }
    const turns = async (): Promise<void> => {
      for (let left = faults.wait(); left > 0; left--) await setImmediate()
    }
    const store: EventStore = {
      ...centreStore,
      read: async function* (stream, options) {
        await turns()
        yield* centreStore.read(stream, options)
      },
      append: async (stream, expected, events) => {
        await turns()
        const fault = life.off ? 'lost before' : faults.power(stream)
        if (fault === 'lost before') fails()
        const leader = faults.leader()
        if (leader === 'gone before') await turns()
        let appended = await centreStore.append(stream, expected, events)
        if (leader === 'gone after') {
          // Its driver had no answer, and says the same again to the leader that follows.
          await turns()
          appended = await centreStore.append(stream, expected, events)
        }
        return fault === 'lost after' ? fails() : appended
      },
    }
    const kept = breakRows(rows)
    const projected: Rows = {
      ...kept,
      apply: async (...asked) => {
        const fault = life.off ? 'lost before' : faults.follower()
        if (fault === 'lost before') fails()
        const applied = await kept.apply(...asked)
        return fault === 'lost after' ? fails() : applied
      },
    }
    const parts = {
      clock,
      crypto,
      store,
      rows: projected,
      keys,
      keeper,
      outside: options.outside ?? [],
      heads,
      vault,
      tiles: memoryTiles(),
      log: quiet,
    }
    const telling = options.webhook ? { webhook: options.webhook } : {}
    life.node = await backOffice({ ...parts, ...telling, sleep: (_, signal) => aborted(signal) })
    stop.signal.addEventListener('abort', () => ending.abort())
    life.running = life.node.run(ending.signal)
    return life
  }
  const centres: Centre[] = []
  for (let place = 0; place < (options.centres ?? 1); place++) {
    const rows = place === 0 ? sqlite : memoryRows()
    centres.push({ rows, life: await startCentre(rows) })
  }
  const first = centres[0] as Centre

  const restart = async (centre: Centre): Promise<void> => {
    centre.life.ending.abort()
    await centre.life.running
    for (;;)
      try {
        centre.life = await startCentre(centre.rows)
        return
      } catch (error) {
        // It may lose its power at its first append, too.
        if (!(error instanceof Crashed)) throw error
      }
  }

  /** The centres' clocks strike here: what is timed is asked for, and a power cut in it is one like any other. */
  const strikeHours = async (): Promise<void> => {
    for (const { life } of centres)
      if (!life.off)
        await life.node.strikeHours().catch((error: unknown) => {
          if (!(error instanceof Crashed)) throw error
        })
  }

  /** Until every follower has seen all there is; a centre without power gets it back. */
  const settle = async (): Promise<void> => {
    for (let calm = 0; calm < 3; ) {
      for (const centre of centres) if (centre.life.off) await restart(centre)
      await strikeHours()
      const seen = centres.map(({ life }) => life.node.status())
      const lives = seen.filter((_, place) => centres[place]?.life.off === false)
      const stopped = lives.flatMap(({ stopped }) => stopped)[0]
      if (stopped !== undefined) throw new Error(stopped)
      const current = lives.filter(({ followers }) => followers.every(({ next }) => next >= log.events.length))
      calm = current.length === centres.length ? calm + 1 : 0
      await setImmediate()
    }
  }

  const restartCentre = async (place = 0): Promise<void> => {
    await restart(centres[place] as Centre)
    await settle()
  }

  /**
   * The centres' log as it was when it had so many events, as from a backup; their rows go with it, and what was signed
   * of the log does not: it lies elsewhere.
   */
  const restoreCentres = async (events: number): Promise<void> => {
    for (const { life } of centres) {
      life.ending.abort()
      await life.running
    }
    let storedAt: string | undefined
    const restored = memoryStore(() => storedAt ?? now())
    for (const { stream, revision, id, type, text, storedAt: at } of logDisk.events.slice(0, events)) {
      storedAt = at
      await restored.append(stream, revision === 0 ? 'NoStream' : revision - 1, [{ id, type, text }])
    }
    storedAt = undefined
    logDisk = restored
    for (const centre of centres) {
      for (const projection of projections) await centre.rows.reset(projection)
      await restart(centre)
    }
    await settle()
  }

  await settle()
  const by = 'operator:test'
  const { node } = first.life
  orThrow(
    await node.openMerchant({
      merchant: 'm-1',
      name: 'Corner & Co.',
      currency: 'EUR',
      feeBasisPoints: 150,
      taxBasisPoints: 2000,
      by,
    }),
  )
  orThrow(await node.openShop({ shop: 's-1', merchant: 'm-1', name: 'Corner', zone: 'Europe/Berlin', by }))
  if (options.twoShops) orThrow(await node.openShop({ shop: 's-2', merchant: 'm-1', name: 'Market', zone: 'UTC', by }))

  /* ---- terminals */

  /** Messages whose senders wait no more, on their way still. */
  const late: { readonly id: string; readonly act: () => Promise<unknown> }[] = []
  const arriveLate = async (place: number): Promise<void> => {
    const [message] = late.splice(place, 1)
    await message?.act().catch(() => {})
  }
  const linkOf = (id: string, terminal: string, online: () => boolean): Link => {
    const reach = async <Answer>(call: (centre: BackOffice) => Promise<Answer>): Promise<Answer> => {
      if (!online()) throw new LinkDown('no network')
      const said = async (): Promise<Answer> => {
        const heard = centres[faults.centre(centres.length)] as Centre
        if (heard.life.off) throw new LinkDown('that centre has no power')
        try {
          return await call(heard.life.node)
        } catch (error) {
          if (error instanceof Crashed) throw new LinkDown(error.message)
          surprises.push(`a centre answered ${id} with ${(error as Error).stack ?? String(error)}`)
          throw error
        }
      }
      const fault = faults.network()
      if (fault === 'lost') throw new LinkDown('the message was lost')
      if (fault === 'delayed') {
        late.push({ id, act: said })
        throw new LinkDown('the message is late')
      }
      const again = fault === 'twice at once' ? said() : undefined
      const answer = said()
      const [heard] = await Promise.allSettled([answer, again])
      if (fault === 'twice') await said().catch(() => {})
      const behind = late.findIndex(message => message.id === id)
      if (behind >= 0 && faults.overtaken()) await arriveLate(behind)
      if (fault === 'answer lost') throw new LinkDown('the answer was lost')
      if (heard.status === 'rejected') throw heard.reason
      const shop = shops.get(id)
      if (!shop) throw new LinkDown('who asked is gone')
      shop.heard += 1
      // By its own time, which does not go back behind what it wrote, nor behind what was signed for it.
      const wrote = shop.store.events.at(-1)
      if (!isRefusal(heard.value as object))
        shop.heard_ms = Math.max(clock.at, clock.at + shop.skew_ms, wrote ? Date.parse(trustEvent(wrote.text).at) : 0)
      return heard.value
    }
    return {
      send: batch => reach(centre => centre.acceptBatch(terminal, structuredClone(batch))),
      rules: (request, have) => reach(centre => centre.rulesFor(terminal, request, have)),
      verdicts: (request, revisions) => reach(centre => centre.verdictsFor(terminal, request, revisions)),
      log: (request, from) => reach(centre => centre.logFor(terminal, request, from)),
      certificate: request => reach(centre => centre.renewCertificate(terminal, request)),
    }
  }

  const startTerminal = (shop: Omit<Shop, 'node'>): Promise<Terminal> => {
    const life = { off: false }
    shop.life = life
    const dies = (why: string): never => {
      life.off = true
      throw new Crashed(why)
    }
    const alive = (): void => {
      if (life.off) throw new Crashed('it crashed before')
    }
    const parts: Parameters<typeof terminal>[0] = {
      clock: { now: () => clock.at + shop.skew_ms },
      crypto,
      store: {
        ...shop.store,
        append: async (stream, expected, events) => {
          alive()
          const fault = faults.disk('log')
          if (fault === 'full') throw new StoreFailed(`Append to ${stream} failed: the disk is full.`)
          // What was written in part is no part of the log: see the store's own promise.
          if (fault === 'torn') dies('in the middle of a write')
          const appended = await shop.store.append(stream, expected, events)
          return fault === 'lost after' ? dies('just after a write') : appended
        },
      },
      notes: {
        note: key => shop.notes.get(key),
        setNote: (key, text) => {
          alive()
          const fault = faults.disk('note')
          if (fault === 'full') throw new StoreFailed('A note was not kept: the disk is full.')
          if (fault === 'torn') dies('in the middle of a note')
          shop.notes.set(key, text)
          if (fault === 'lost after') dies('just after a note')
        },
      },
      past: { find: findIn(shop.store) },
      marker: { read: () => shop.marker.at(-1), write: text => void (shop.marker = [text]) },
      // So small that what is called back and started from is met in every short life.
      window: { inMind: 2, snapshotEvery: 9 },
      // In clear: a simulated till has nothing to hide, and ten thousand of them no time.
      pins: { hash: async pin => `plain ${pin}`, matches: async (pin, hash) => hash === `plain ${pin}` },
      reader: { radio: 'loopback', taps: async function* () {} },
      link: linkOf(shop.id, shop.identity.terminal, () => shop.online && !life.off),
      identity: shop.identity,
      firstRules: shop.firstRules,
      sleep: async wait_ms => {
        clock.at += wait_ms
        await setImmediate()
      },
      passing: moment => {
        alive()
        if (faults.crash(moment)) dies(moment)
      },
      log: quiet,
    }
    return terminal(options.breakTerminal ? options.breakTerminal(parts) : parts)
  }

  const shops = new Map<string, Shop>()
  /** A terminal comes by an invitation, and opens its first day. */
  const addTerminal = async (id: string, shopId = 's-1'): Promise<void> => {
    const centre = first.life.node
    const { code } = orThrow(await centre.inviteTerminal({ terminal: id, shop: shopId, by })) as { code: string }
    const { identity, rules } = await enrolWith(crypto, code, centre.fingerprint, request => centre.enrol(request))
    const bare = {
      id,
      store: memoryStore(now),
      notes: new Map<string, string>(),
      marker: [] as string[],
      identity,
      firstRules: rules,
      life: { off: false },
      online: true,
      skew_ms: 0,
      heard_ms: clock.at,
      heard: 0,
    }
    const shop = bare as Omit<Shop, 'node'> as Shop
    shop.node = await startTerminal(shop)
    shops.set(id, shop)
    orThrow(await shop.node.openDay())
  }
  /** A disk as it is now, to be found again later. */
  const imageOf = (id: string): Image => {
    const { store, notes } = shops.get(id) as Shop
    return { events: store.events.length, notes: new Map(notes) }
  }
  const diskOf = async (original: Shop, image: Image): Promise<Shop['store']> => {
    let storedAt: string | undefined
    const store = memoryStore(() => storedAt ?? now())
    for (const { stream, revision, id, type, text, storedAt: at } of original.store.events.slice(0, image.events)) {
      storedAt = at
      await store.append(stream, revision === 0 ? 'NoStream' : revision - 1, [{ id, type, text }])
    }
    storedAt = undefined
    return store
  }
  /** The database of a terminal is put back; the marker beside it is not. */
  const rewind = async (id: string, image: Image): Promise<void> => {
    const original = shops.get(id) as Shop
    original.life.off = true
    const store = await diskOf(original, image)
    shops.set(id, { ...original, store, notes: new Map(image.notes), life: { off: false } })
    await restartTerminal(id)
  }
  /** A second device that begins with an image of the first one's disk, with its name and its keys. */
  const copyTerminal = async (from: string, to: string, image: Image): Promise<void> => {
    const original = shops.get(from) as Shop
    const store = await diskOf(original, image)
    const shop: Shop = { ...original, id: to, store, notes: new Map(image.notes), life: { off: false } }
    shops.set(to, shop)
    await restartTerminal(to)
  }
  /** It is gone, with its disk. */
  const scrapTerminal = (id: string): void => void shops.delete(id)
  for (let place = 0; place < (options.terminals ?? 1); place++) await addTerminal(`T-${place + 1}`)

  const restartTerminal = async (id: string): Promise<void> => {
    const shop = shops.get(id) as Shop
    for (;;)
      try {
        shop.node = await startTerminal(shop)
        return
      } catch (error) {
        // A terminal that cannot write does not start; somebody starts it again.
        if (!(error instanceof StoreFailed || error instanceof Crashed)) throw error
      }
  }
  /** Somebody starts what has crashed. */
  const raise = async (): Promise<void> => {
    for (const { id, life } of shops.values()) if (life.off) await restartTerminal(id)
    if (phonesOff) restartPhones()
  }

  /* ---- phones */

  const disk = new Map<string, PhoneMemory>()
  const keepWhole = (memory: PhoneMemory): void => void disk.set(memory.phone, memory)
  const keepBroken = options.breakDisk ? options.breakDisk(keepWhole) : keepWhole
  let phonesOff = false
  const keep = (memory: PhoneMemory): void => {
    const fault = phonesOff ? 'torn' : faults.phone()
    if (fault !== 'kept') phonesOff = true
    if (fault === 'torn') throw new Crashed('a phone lost its power in the middle of a write')
    keepBroken(memory)
    if (fault === 'lost after') throw new Crashed('a phone lost its power just after a write')
  }
  const holderActs = (): void => {
    const does = faults.holder()
    if (does === 'waits') return
    for (const { id } of phones.phones()) {
      const seen = phones.look(id)
      if (!isRefusal(seen) && seen.pendingConsent)
        phones.consent(id, seen.pendingConsent.transaction, does === 'consents')
    }
  }
  /** One meeting, exchange by exchange; a crash of the terminal ends it for the phone like a lost field. */
  const meet = async (id: string, respond: (request: Bytes) => Promise<Bytes>): Promise<void> => {
    const shop = shops.get(id) as Shop
    let ended = false
    let exchanges = 0
    const { delay_ms, isReplay } = faults.relay()
    lastAir = { delay_ms, isReplay: isReplay && overheard.length > 0 }
    const before = isReplay ? overheard : []
    const air: Bytes[] = []
    const answer = async (request: Bytes): Promise<Bytes> => {
      if (before.length > 0) {
        const old = before[exchanges - 1]
        if (old) return old
        ended = true
        throw new FieldLost('there are no more old answers')
      }
      try {
        return await respond(request)
      } catch (error) {
        if (!(error instanceof Crashed)) throw error
        ended = true
        throw new FieldLost('the phone lost its power')
      }
    }
    const meeting: Meeting = {
      exchange: async request => {
        if (ended) throw new FieldLost('the phone has left')
        clock.at += 20
        holderActs()
        const fault = ++exchanges > exchangesMax ? 'lost before' : faults.field()
        if (fault === 'lost before') {
          ended = true
          throw new FieldLost('the phone left before it heard')
        }
        const response = await answer(request)
        air.push(response)
        clock.at += 20 + delay_ms
        if (fault === 'lost after') {
          ended = true
          throw new FieldLost('the phone left before it was heard')
        }
        return response
      },
      leave: async () => {
        ended = true
      },
    }
    try {
      await shop.node.meet(meeting, stop.signal)
    } catch (error) {
      if (!(error instanceof StoreFailed || error instanceof Crashed)) throw error
    }
    if (shop.life.off) await restartTerminal(id)
    if (!isReplay) overheard = air
  }
  /** What somebody near the last tap has heard of it. */
  let overheard: Bytes[] = []
  let lastAir = { delay_ms: 0, isReplay: false }
  const asked = new Map<string, KeyText>()
  const startPhones = (): Wallet =>
    wallet({
      clock,
      crypto,
      disk: {
        phones: () => [...disk.values()],
        keep,
        asked: activation => asked.get(activation),
        keepAsked: (activation, keys) => void (keys ? asked.set(activation, keys) : asked.delete(activation)),
      },
      authority: {
        activate: request => first.life.node.activatePhone(request),
        renew: request => first.life.node.renewLicense(request),
        testify: request => first.life.node.testify(request),
      },
      antenna: (id, respond) => meet(id, respond),
      terminals: [...shops.keys()].map(id => ({ terminal: id, address: 'here' })),
    })
  let phones = startPhones()
  const restartPhones = (): void => {
    phonesOff = false
    phones = startPhones()
  }
  /** A phone as it was, or a copy of one under another name: its memory goes where no phone's memory should. */
  const smuggle = (memory: PhoneMemory): void => {
    disk.set(memory.phone, memory)
    restartPhones()
  }
  const addPhone = async (account: string, allowance: string): Promise<string | Refusal> => {
    const invited = await first.life.node.invitePhone({ account, currency: 'EUR', allowance, by })
    if (isRefusal(invited)) return invited
    const added = await phones.addPhone((invited as { code: string }).code)
    return isRefusal(added) ? added : (added as { id: string }).id
  }
  const accounts = options.phones ?? [{ account: 'anna', limit: 50_000n, allowance: '200.00' }]
  const phoneOf = new Map<string, string>()
  for (const { account, limit, allowance } of accounts) {
    if (!phoneOf.has(account))
      orThrow(await node.openAccount({ account, limit: minorUnits(limit.toString()), currency: 'EUR', by }))
    await settle()
    phoneOf.set(account, orThrow(await addPhone(account, allowance)))
  }
  await settle()

  const tillOf = (id = 'T-1'): Terminal => (shops.get(id) as Shop).node
  return {
    clock,
    crypto,
    keys,
    keeper,
    log,
    heads,
    rows: first.rows,
    centres,
    surprises,
    settle,
    restartCentre,
    restoreCentres,
    restartTerminal,
    shops,
    disk,
    get phones() {
      return phones
    },
    /** The phones' process anew: they know what is on their disk. */
    /** How the last tap came to its till. */
    air: () => lastAir,
    restartPhones,
    raise,
    addTerminal,
    imageOf,
    copyTerminal,
    rewind,
    scrapTerminal,
    smuggle,
    addPhone,
    /** How many messages are late; and one of them comes. */
    late: () => late.length,
    arriveLate,
    centre: () => first.life.node,
    till: tillOf,
    /** As the terminal would sign it, now. */
    requestOf: (id: string, asks: SyncRequest['asks'], identity = (shops.get(id) as Shop).identity): string => {
      const { origin, keys: own } = identity
      const nonce = crypto.random(16)
      return signRequest(crypto, own.p256, { origin, terminal: id, asks, time: Math.floor(clock.at / 1000), nonce })
    },
    phoneOf: (account: string): string => phoneOf.get(account) as string,
    /** Keys a sale, as a cashier does. A crash at the keying is a restart. */
    key: async (amount: bigint, id = 'T-1') => {
      try {
        return tillOf(id).startSale(minorUnits(amount.toString()), 'EUR')
      } catch (error) {
        if (!(error instanceof Crashed)) throw error
        await restartTerminal(id)
        return { reason: 'Crashed', message: 'the terminal crashed' }
      }
    },
    tap: (account: string, id = 'T-1', consent = true) => phones.tap(phoneOf.get(account) as string, id, consent),
    network: (online: boolean, id = 'T-1'): void => {
      ;(shops.get(id) as Shop).online = online
    },
    skew: (ms: number, id = 'T-1'): void => {
      ;(shops.get(id) as Shop).skew_ms = ms
    },
    /** The till sends what waits; what the network swallowed waits on. */
    sync: async (id = 'T-1') => {
      const answer = await tillOf(id).syncNow()
      await settle()
      return answer
    },
    end: async (): Promise<void> => {
      stop.abort()
      await Promise.all(centres.map(({ life }) => life.running))
      sqlite.close()
    },
  }
}

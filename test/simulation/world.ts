import { setImmediate } from 'node:timers/promises'
import { nobleCrypto } from '#machine/noble'
import { u32be, concat, type Bytes } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import type { EventStore } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { FieldLost, type Meeting } from '#nfc/reader'
import type { PhoneMemory } from '#tap/phone'
import { minorUnits } from '#money'
import { makeAuthorityKeys, type AuthorityKeys } from '../../apps/back-office/authority.ts'
import { type BackOffice, backOffice } from '../../apps/back-office/back-office.ts'
import { enrolWith } from '../../apps/terminal/enrol.ts'
import { type Identity, type Link, LinkDown, type Moment, type Terminal, terminal } from '../../apps/terminal/terminal.ts'
import { type Wallet, wallet } from '../../apps/wallet/wallet.ts'

/**
 * One seeded world: the apps' own nodes on a clock, a radio, a network and disks that the test holds in its hand. No
 * rule is written here twice; what goes wrong is chosen by the faults.
 */

/** Numbers that follow from a seed alone. */
export const dice = (seed: string) => {
  const hash = nobleCrypto(() => new Uint8Array(0))
  let block = 0
  let rest: Bytes = new Uint8Array(0)
  const octets = (size: number): Bytes => {
    while (rest.length < size) rest = concat(rest, hash.sha256(seed, u32be(block++)))
    const taken = rest.slice(0, size)
    rest = rest.slice(size)
    return taken
  }
  const below = (bound: number): number => new DataView(octets(4).buffer).getUint32(0) % bound
  return { octets, below, chance: (percent: number) => below(100) < percent, pick: <T>(of: readonly T[]): T => of[below(of.length)] as T }
}

export type Faults = {
  /** Asked before each exchange: lose the field before the phone hears, or after it answered. */
  readonly field: () => 'kept' | 'lost before' | 'lost after'
  /** Asked before each message to the centre: lost on the way, answer lost, or said twice. */
  readonly network: () => 'kept' | 'lost' | 'answer lost' | 'twice'
  /** Asked as each moment passes: crash here? */
  readonly crash: (moment: Moment) => boolean
}
export const noFaults: Faults = { field: () => 'kept', network: () => 'kept', crash: () => false }

/** A simulated process ends here; what was on disk stays. */
export class Crashed extends Error {
  readonly code = 'Crashed'
}

type Shop = {
  readonly id: string
  readonly store: ReturnType<typeof memoryStore>
  readonly notes: Map<string, string>
  readonly identity: Identity
  readonly firstRules: { readonly policy: string; readonly denyList: string; readonly keySet: string }
  node: Terminal
  online: boolean
}

export type WorldOptions = {
  readonly seed: string
  readonly terminals?: number
  readonly phones?: readonly { readonly account: string; readonly limit: bigint; readonly allowance: string }[]
  readonly faults?: Partial<Faults>
  readonly crypto?: Crypto
  /** Wraps the terminal node: mutants break one thing here. */
  readonly breakTerminal?: (parts: Parameters<typeof terminal>[0]) => Parameters<typeof terminal>[0]
  readonly breakCentre?: (store: EventStore) => EventStore
  readonly breakDisk?: (keep: (memory: PhoneMemory) => void) => (memory: PhoneMemory) => void
}

export type World = Awaited<ReturnType<typeof makeWorld>>

const quiet = { info: () => {}, warn: () => {}, error: () => {} }

export const orThrow = <Answer>(answer: Answer | Refusal): Answer => {
  if (typeof answer === 'object' && answer !== null && isRefusal(answer)) throw new Error(answer.message)
  return answer as Answer
}

const firstMoment_ms = Date.UTC(2026, 10, 23, 9)

export const makeWorld = async (options: WorldOptions) => {
  const faults: Faults = { ...noFaults, ...options.faults }
  const random = dice(options.seed)
  const crypto = options.crypto ?? nobleCrypto(random.octets)
  const clock = { at: firstMoment_ms, now: () => clock.at }
  const now = () => new Date(clock.at).toISOString()
  const stop = new AbortController()

  /* ---- the centre */

  const keys: AuthorityKeys = makeAuthorityKeys(crypto, clock.at / 1000)
  const log = memoryStore(now)
  const rows = sqliteRows(':memory:')
  const centreStore = options.breakCentre ? options.breakCentre(log) : log
  const startCentre = async () => {
    const node = await backOffice({ clock, crypto, store: centreStore, rows, keys, log: quiet })
    const ending = new AbortController()
    stop.signal.addEventListener('abort', () => ending.abort())
    const running = node.run(ending.signal)
    return { node, running, ending }
  }
  let centre: { node: BackOffice; running: Promise<void>; ending: AbortController } = await startCentre()

  /** Until both followers have seen all there is. */
  const settle = async (): Promise<void> => {
    for (let calm = 0; calm < 3; ) {
      const { applied, judged, stopped } = centre.node.status()
      if (stopped.length > 0) throw new Error(stopped[0])
      calm = Math.min(applied, judged) >= log.events.length ? calm + 1 : 0
      await setImmediate()
    }
  }

  const restartCentre = async (): Promise<void> => {
    centre.ending.abort()
    await centre.running
    centre = await startCentre()
    await settle()
  }

  await settle()
  const by = 'operator:test'
  orThrow(await centre.node.openMerchant({ merchant: 'm-1', name: 'Corner & Co.', currency: 'EUR', feeBasisPoints: 150, taxBasisPoints: 2000, by }))
  orThrow(await centre.node.openShop({ shop: 's-1', merchant: 'm-1', name: 'Corner', zone: 'Europe/Berlin', by }))

  /* ---- terminals */

  const linkOf = (id: string, online: () => boolean): Link => {
    const reach = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
      if (!online()) throw new LinkDown('no network')
      const fault = faults.network()
      if (fault === 'lost') throw new LinkDown('the message was lost')
      const answer = await call()
      if (fault === 'twice') await call()
      if (fault === 'answer lost') throw new LinkDown('the answer was lost')
      return answer
    }
    return {
      send: batch => reach(() => centre.node.acceptBatch(id, structuredClone(batch))),
      rules: () => reach(() => centre.node.rulesFor(id)),
    }
  }

  const startTerminal = (shop: Omit<Shop, 'node'>): Promise<Terminal> => {
    const parts: Parameters<typeof terminal>[0] = {
      clock,
      crypto,
      store: shop.store,
      notes: { note: key => shop.notes.get(key), setNote: (key, text) => void shop.notes.set(key, text) },
      reader: { radio: 'loopback', taps: async function* () {} },
      link: linkOf(shop.id, () => shop.online),
      identity: shop.identity,
      firstRules: shop.firstRules,
      sleep: async wait_ms => {
        clock.at += wait_ms
        await setImmediate()
      },
      passing: moment => {
        if (faults.crash(moment)) throw new Crashed(moment)
      },
      log: quiet,
    }
    return terminal(options.breakTerminal ? options.breakTerminal(parts) : parts)
  }

  const shops = new Map<string, Shop>()
  for (let place = 0; place < (options.terminals ?? 1); place++) {
    const id = `T-${place + 1}`
    const { code } = orThrow(await centre.node.inviteTerminal({ terminal: id, shop: 's-1', by })) as { code: string }
    const { identity, rules } = await enrolWith(crypto, code, centre.node.fingerprint, request => centre.node.enrol(request))
    const bare = { id, store: memoryStore(now), notes: new Map<string, string>(), identity, firstRules: rules, online: true }
    const shop = bare as Shop
    shop.node = await startTerminal(bare)
    shops.set(id, shop)
    orThrow(await shop.node.openDay())
  }

  const restartTerminal = async (id: string): Promise<void> => {
    const shop = shops.get(id) as Shop
    shop.node = await startTerminal(shop)
  }

  /* ---- phones */

  const disk = new Map<string, PhoneMemory>()
  const keepWhole = (memory: PhoneMemory): void => void disk.set(memory.phone, memory)
  const keep = options.breakDisk ? options.breakDisk(keepWhole) : keepWhole
  /** One meeting, exchange by exchange; a crash of the terminal ends it for the phone like a lost field. */
  const meetings = {
    crashed: undefined as string | undefined,
    async meet(id: string, respond: (request: Bytes) => Promise<Bytes>): Promise<void> {
      const shop = shops.get(id) as Shop
      let ended = false
      const meeting: Meeting = {
        exchange: async request => {
          if (ended) throw new FieldLost('the phone has left')
          clock.at += 20
          const fault = faults.field()
          if (fault === 'lost before') {
            ended = true
            throw new FieldLost('the phone left before it heard')
          }
          const response = await respond(request)
          clock.at += 20
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
        if (!(error instanceof Crashed)) throw error
        await restartTerminal(id)
      }
    },
  }
  const phones: Wallet = wallet({
    clock,
    crypto,
    disk: { phones: () => [...disk.values()], keep },
    authority: { license: request => centre.node.license(request) as ReturnType<Parameters<typeof wallet>[0]['authority']['license']> },
    antenna: (id, respond) => meetings.meet(id, respond),
    terminals: [...shops.keys()].map(id => ({ terminal: id, address: 'here' })),
  })
  const accounts = options.phones ?? [{ account: 'anna', limit: 50_000n, allowance: '200.00' }]
  const phoneOf = new Map<string, string>()
  for (const { account, limit, allowance } of accounts) {
    orThrow(await centre.node.openAccount({ account, limit: minorUnits(limit.toString()), currency: 'EUR', by }))
    await settle()
    const added = orThrow(await phones.addPhone(account, allowance)) as { id: string }
    phoneOf.set(account, added.id)
  }
  await settle()

  const tillOf = (id = 'T-1'): Terminal => (shops.get(id) as Shop).node
  return {
    clock,
    crypto,
    keys,
    log,
    rows,
    settle,
    restartCentre,
    restartTerminal,
    shops,
    disk,
    phones,
    centre: () => centre.node,
    till: tillOf,
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
    /** The till sends what waits; what the network swallowed waits on. */
    sync: async (id = 'T-1') => {
      const answer = await tillOf(id).syncNow()
      await settle()
      return answer
    },
    end: async (): Promise<void> => {
      stop.abort()
      await centre.running
      rows.close()
    },
  }
}

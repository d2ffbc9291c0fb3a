import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { statedHash, verifyEvent } from '#canonical/event'
import { type EventStore, readStream, type StoredEvent } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import { memoryHeads } from '#eventstore/memory/heads'
import { memoryVault } from '#eventstore/memory/vault'
import { sqliteStore } from '#eventstore/sqlite'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { systemClock } from '#machine/clock'
import { nodeCrypto } from '#machine/crypto'
import { scryptPins } from '#machine/pins'
import { sleep } from '#machine/process'
import { minorUnits } from '#money'
import type { Meeting } from '#nfc/reader'
import { type LogAnswer, proofText } from '#sync/acknowledgement'
import type { PhoneMemory } from '#tap/phone'
import { findable } from '#till/window'
import { checkpointText, signNote } from '#transparency/checkpoint'
import { consistencyProof, eventLeaf, inclusionProof, leafHash } from '#transparency/merkle'
import { memoryTiles, tiledTree } from '#transparency/tiles'
import { type AuthorityKeys, makeAuthorityKeys } from '../../apps/back-office/authority.ts'
import { backOffice } from '../../apps/back-office/back-office.ts'
import { enrolWith } from '../../apps/terminal/enrol.ts'
import { markerFile } from '../../apps/terminal/marker.ts'
import type { Enrolled } from '../../apps/terminal/ports.ts'
import { terminal } from '../../apps/terminal/terminal.ts'
import { wallet } from '../../apps/wallet/wallet.ts'
import { now } from './measure.ts'

/**
 * A shop that takes taps: the apps' own nodes, node's cryptography, the terminal's log on disk; the radio is a call.
 * What it writes is what the other benches append, take in and judge.
 */
export type Shop = {
  readonly keys: AuthorityKeys
  readonly identity: Enrolled['identity']
  /** What the terminal was enrolled with. */
  readonly rules: Enrolled['rules']
  /** The centre's log before any batch: authority, accounts, licenses, the terminal's enrolment. */
  readonly centre: readonly StoredEvent[]
  /** The terminal's whole stream as it is on disk. */
  readonly log: readonly StoredEvent[]
  /** The events of each tap, as its two appends had them. */
  readonly appends: readonly (readonly StoredEvent[])[]
  readonly taps: readonly TapTimes[]
  readonly synchronous: number
}

/** Milliseconds by step, and of these in cryptography. */
export type TapTimes = {
  readonly steps: ReadonlyMap<string, number>
  readonly crypto_ms: number
  /** The steps up to "approved". */
  readonly approved_ms: number
  /** All the terminal did for this tap, with what it prepares for the next. */
  readonly whole_ms: number
}

/** What ends at each moment, in the order of a tap; `phone` is not the terminal's. */
const endsAt: Readonly<Record<string, readonly string[]>> = {
  'field entered': ['GET #1'],
  asked: ['GET #1', 'PUT', 'GET #2', 'receipt'],
  heard: ['phone', 'phone', 'phone', 'phone'],
  'GET #1 answered': ['decode, open and verify license'],
  'deduction decided': ['make PUT'],
  appending: ['decide and chain 1', 'decide and chain 2'],
  appended: ['append 1, fsync', 'append 2, fsync'],
  'deduction on disk': ['decide and chain 1'],
  'PUT answered': ['PUT'],
  'GET #2 answered': ['GET #2'],
  'payment opened': ['open and check payment'],
  'transaction on disk': ['decide and chain 2'],
  'receipt handed over': ['receipt'],
  ended: ['key and GET #1 of the next tap'],
}
export const steps = [...new Set(Object.values(endsAt).flat())].filter(step => step !== 'phone')

const quiet = { info: () => {}, warn: () => {}, error: () => {} }
const by = 'operator:bench'
/** Under the policy's 50 payments since the authority saw a phone. */
const tapsOfPhone = 40
const tapsBetweenSyncs = 100

const orThrow = <Answer>(answer: Answer | Refusal): Answer => {
  if (typeof answer === 'object' && answer !== null && isRefusal(answer)) throw new Error(answer.message)
  return answer
}

/** The same port, with the time in it counted. */
const counting = (crypto: Crypto) => {
  const spent = { ms: 0 }
  const counted = Object.fromEntries(
    Object.entries(crypto).map(([name, call]) => [
      name,
      (...given: never[]) => {
        const began = now()
        try {
          return (call as (...given: never[]) => unknown)(...given)
        } finally {
          spent.ms += now() - began
        }
      },
    ]),
  ) as unknown as Crypto
  return { crypto: counted, spent }
}

export const openShop = async (folder: string, taps: number): Promise<Shop> => {
  mkdirSync(folder, { recursive: true })
  const crypto = nodeCrypto()
  const iso = () => new Date(systemClock.now()).toISOString()

  /* ---- the centre, for as long as it enrols and licenses */

  const keys = makeAuthorityKeys(crypto, Math.floor(systemClock.now() / 1000))
  const log = memoryStore(iso)
  const rows = sqliteRows(':memory:')
  const centre = await backOffice({
    clock: systemClock,
    crypto,
    store: log,
    rows,
    keys,
    heads: memoryHeads(),
    vault: memoryVault(),
    tiles: memoryTiles(),
    sleep,
    log: quiet,
  })
  const closing = new AbortController()
  const following = centre.run(closing.signal)
  const merchant = { merchant: 'm-1', name: 'Corner & Co.', currency: 'EUR', feeBasisPoints: 150, taxBasisPoints: 2000 }
  orThrow(await centre.openMerchant({ ...merchant, by }))
  orThrow(await centre.openShop({ shop: 's-1', merchant: 'm-1', name: 'Corner', zone: 'Europe/Berlin', by }))
  const { code } = orThrow(await centre.inviteTerminal({ terminal: 'T-1', shop: 's-1', by })) as { code: string }
  const { identity, rules } = await enrolWith(crypto, code, centre.fingerprint, asked => centre.enrol(asked))

  /** A log that holds each batch's last event and nothing else: what the terminal verifies costs what it costs. */
  const logged = tiledTree(crypto, memoryTiles())
  const loggedAs = (stream: string, revision: number, text: string): LogAnswer => {
    const before = logged.size()
    logged.grow([leafHash(crypto, eventLeaf({ stream, revision, hash: statedHash(text) }))])
    const size = before + 1
    const checkpoint = checkpointText({ origin: keys.origin, size, root: logged.root(size) })
    return {
      loggedTo: revision,
      leaf: before,
      checkpoint: signNote(crypto, checkpoint, keys.origin, keys.log),
      consistency: proofText(consistencyProof(crypto, logged, before, size)),
      inclusion: proofText(inclusionProof(crypto, logged, before, size)),
    }
  }

  /* ---- the terminal */

  const marks: { readonly name: string; readonly at: number; readonly crypto_ms: number }[] = []
  const counted = counting(nodeCrypto())
  const mark = (name: string): void => void marks.push({ name, at: now(), crypto_ms: counted.spent.ms })
  const disk = sqliteStore(join(folder, 'terminal.sqlite'), iso, { findable })
  const store: EventStore = {
    ...disk,
    append: async (...asked) => {
      mark('appending')
      const appended = await disk.append(...asked)
      mark('appended')
      return appended
    },
  }
  const node = await terminal({
    clock: systemClock,
    crypto: counted.crypto,
    store,
    notes: disk,
    past: disk,
    marker: markerFile(folder),
    pins: scryptPins,
    reader: { radio: 'loopback', taps: async function* () {} },
    link: {
      send: async ({ from, events }) => ({
        acceptedTo: from + events.length - 1,
        log: loggedAs(`terminal-${identity.terminal}`, from + events.length - 1, events.at(-1) as string),
        rules: { policy: 1, denyList: 1, keySet: 1 },
        at: iso(),
      }),
      rules: async () => ({ ...rules, at: iso() }),
      verdicts: async () => ({ verdicts: '', at: iso() }),
      log: async () => ({ held: '', events: [], at: iso() }),
      certificate: async () => ({ certificate: identity.certificate, at: iso() }),
    },
    identity,
    firstRules: rules,
    sleep,
    passing: mark,
    log: quiet,
  })
  orThrow(await node.openDay())

  /* ---- the phones */

  const memories = new Map<string, PhoneMemory>()
  const staying = new AbortController().signal
  const phones = wallet({
    clock: systemClock,
    crypto,
    disk: {
      phones: () => [],
      keep: memory => void memories.set(memory.phone, memory),
      asked: () => undefined,
      keepAsked: () => {},
    },
    authority: {
      activate: request => centre.activatePhone(request),
      renew: request => centre.renewLicense(request),
      testify: request => centre.testify(request),
    },
    antenna: async (_, respond) => {
      const meeting: Meeting = {
        exchange: async request => {
          mark('asked')
          const response = await respond(request)
          mark('heard')
          return response
        },
        leave: async () => {},
      }
      marks.length = 0
      mark('began')
      await node.meet(meeting, staying)
      mark('ended')
    },
    terminals: [{ terminal: 'T-1', address: 'here' }],
  })
  const payers: string[] = []
  for (let place = 0; place * tapsOfPhone < taps; place++) {
    const account = `payer-${place}`
    orThrow(await centre.openAccount({ account, limit: minorUnits('100000'), currency: 'EUR', by }))
    const invited = orThrow(await centre.invitePhone({ account, currency: 'EUR', allowance: '100.00', by }))
    payers.push((orThrow(await phones.addPhone((invited as { code: string }).code)) as { id: string }).id)
  }
  closing.abort()
  await following
  rows.close()

  /* ---- the taps */

  const times: TapTimes[] = []
  for (let tap = 0; tap < taps; tap++) {
    orThrow(node.startSale(minorUnits(`${100 + (tap % 50)}`), 'EUR'))
    const { outcome, reason, message } = orThrow(
      await phones.tap(payers[tap % payers.length] as string, 'T-1', false),
    ) as {
      outcome: string
      reason?: string
      message?: string
    }
    if (outcome !== 'paid') throw new Error(`Tap ${tap} is ${outcome}: ${reason} ${message}`)
    times.push(timesOf(marks))
    if (tap % tapsBetweenSyncs === tapsBetweenSyncs - 1) orThrow(await node.syncNow())
    // The till's subscribers, timers and the collector have their turn between two customers.
    await setImmediate()
  }

  const written = await readStream(disk, 'terminal-T-1')
  for (const { text } of written) verifyEvent(crypto, text)
  const synchronous = disk.synchronous()
  disk.close()
  return {
    keys,
    identity,
    rules,
    centre: log.events,
    log: written,
    appends: appendsOf(written),
    taps: times,
    synchronous,
  }
}

const timesOf = (marks: readonly { name: string; at: number; crypto_ms: number }[]): TapTimes => {
  const taken = new Map<string, number>()
  const seen = new Map<string, number>()
  let approved_ms = 0
  let whole_ms = 0
  for (const [place, { name, at }] of marks.entries()) {
    const before = marks[place - 1]
    if (!before) continue
    const turn = seen.get(name) ?? 0
    seen.set(name, turn + 1)
    const step = endsAt[name]?.[turn]
    if (step === undefined)
      throw new Error(`A tap had ${name} for the ${turn + 1}. time: two appends and four messages are known`)
    const spent = at - before.at
    taken.set(step, (taken.get(step) ?? 0) + spent)
    if (step !== 'phone') whole_ms += spent
    if (name === 'transaction on disk') approved_ms = whole_ms
  }
  if (seen.get('appended') !== 2) throw new Error(`A tap made ${seen.get('appended')} appends, not two`)
  const [first, last] = [marks[0], marks.at(-1)]
  return { steps: taken, crypto_ms: (last?.crypto_ms ?? 0) - (first?.crypto_ms ?? 0), approved_ms, whole_ms }
}

/** The stream cut as it was appended: a tap is three events before PUT and two after GET #2. */
const appendsOf = (log: readonly StoredEvent[]): StoredEvent[][] => {
  const sizes: Readonly<Record<string, number>> = { TapStarted: 3, PayloadDecrypted: 2 }
  return log.flatMap((event, place) => {
    const size = sizes[event.type]
    return size === undefined ? [] : [log.slice(place, place + size)]
  })
}

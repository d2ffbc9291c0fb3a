import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Bytes } from '#canonical/bytes'
import { sqliteStore } from '#eventstore/sqlite'
import { sqliteHeads } from '#eventstore/sqlite/heads'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { sqliteVault } from '#eventstore/sqlite/vault'
import { nodeCrypto } from '#machine/crypto'
import { scryptPins } from '#machine/pins'
import { sleep } from '#machine/process'
import { minorUnits } from '#money'
import { FieldLost } from '#nfc/reader'
import { findable } from '#till/window'
import { keysFrom, keysText, makeAuthorityKeys } from '../../apps/back-office/authority.ts'
import { backOffice } from '../../apps/back-office/back-office.ts'
import { tileFiles } from '../../apps/back-office/tiles.ts'
import { enrolWith } from '../../apps/terminal/enrol.ts'
import { enrolledText, readEnrolled } from '../../apps/terminal/enrolled.ts'
import { LinkDown } from '../../apps/terminal/ports.ts'
import { terminal } from '../../apps/terminal/terminal.ts'
import { diskOf } from '../../apps/wallet/disk.ts'
import { type TapOutcome, wallet } from '../../apps/wallet/wallet.ts'
import { orThrow } from '../simulation/world.ts'

/**
 * A centre, a till and phones over the files that their processes keep, each in a folder of its own, on a clock of the
 * test's. What is there is opened as it is; what is not is set up as a first start does.
 */
const till = 'T-1001'
const quiet = { info: () => {}, warn: () => {}, error: () => {} }

export type Street = Awaited<ReturnType<typeof openStreet>>

export const openStreet = async (folder: string, start_ms: number) => {
  const clock = { at: start_ms, now: () => clock.at }
  const now = () => new Date(clock.at).toISOString()
  const crypto = nodeCrypto()
  const by = 'operator:street'
  const place = (name: string, file: string): string => {
    mkdirSync(join(folder, name), { recursive: true })
    return join(folder, name, file)
  }
  const kept = (path: string, make: () => string): string => {
    if (!existsSync(path)) writeFileSync(path, make())
    return readFileSync(path, 'utf8')
  }

  /* ---- the centre */

  const keys = keysFrom(
    kept(place('back-office', 'keys.json'), () => keysText(makeAuthorityKeys(crypto, clock.at / 1000))),
  )
  const log = sqliteStore(place('back-office', 'log.sqlite'), now)
  const rows = sqliteRows(place('back-office', 'rows.sqlite'))
  const heads = sqliteHeads(place('back-office', 'heads.sqlite'))
  const tiles = tileFiles(place('back-office', 'tiles'))
  const vault = sqliteVault(':memory:')
  const centre = await backOffice({ clock, crypto, store: log, rows, keys, heads, vault, tiles, sleep, log: quiet })
  const stop = new AbortController()
  const running = centre.run(stop.signal)
  /** Until both followers have seen all there is, what they wrote themselves included. */
  const settle = async (): Promise<void> => {
    let events = 0
    for (let calm = 0; calm < 3; ) {
      const before = events
      for await (const page of log.readAll({ from: events })) events += page.length
      const { applied, judged, stopped } = centre.status()
      if (stopped.length > 0) throw new Error(stopped[0])
      calm = events === before && Math.min(applied, judged) >= events ? calm + 1 : 0
      await setImmediate()
    }
  }

  /* ---- the till */

  const file = place(till, 'enrolled.json')
  if (!existsSync(file)) {
    orThrow(
      await centre.openMerchant({
        merchant: 'm-1',
        name: 'Corner & Co.',
        currency: 'EUR',
        feeBasisPoints: 150,
        taxBasisPoints: 2000,
        by,
      }),
    )
    orThrow(await centre.openShop({ shop: 's-1', merchant: 'm-1', name: 'Corner', zone: 'Europe/Berlin', by }))
    const { code } = orThrow(await centre.inviteTerminal({ terminal: till, shop: 's-1', by })) as { code: string }
    writeFileSync(
      file,
      enrolledText(await enrolWith(crypto, code, centre.fingerprint, request => centre.enrol(request))),
    )
  }
  const { identity, rules } = readEnrolled(readFileSync(file, 'utf8'))
  const tillLog = sqliteStore(place(till, 'log.sqlite'), now, { findable })
  const network = { on: true }
  const reach = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    if (!network.on) throw new LinkDown('no network')
    return ask()
  }
  const node = await terminal({
    clock,
    crypto,
    store: tillLog,
    notes: tillLog,
    past: tillLog,
    marker: { read: () => undefined, write: () => {} },
    pins: scryptPins,
    reader: { radio: 'loopback', taps: async function* () {} },
    link: {
      send: batch => reach(() => centre.acceptBatch(till, batch)),
      rules: request => reach(() => centre.rulesFor(till, request)),
      verdicts: (request, revisions) => reach(() => centre.verdictsFor(till, request, revisions)),
      log: (request, from) => reach(() => centre.logFor(till, request, from)),
      certificate: request => reach(() => centre.renewCertificate(till, request)),
    },
    identity,
    firstRules: rules,
    sleep: async wait_ms => {
      clock.at += wait_ms
    },
    log: quiet,
  })

  /* ---- the phones */

  const phoneNotes = sqliteStore(place('wallet', 'phones.sqlite'), now)
  /** The answer to so manieth request is not heard any more. */
  let lostAt = Number.POSITIVE_INFINITY
  const meet = async (_till: string, respond: (request: Bytes) => Promise<Bytes>): Promise<void> => {
    let requests = 0
    const exchange = async (request: Bytes): Promise<Bytes> => {
      clock.at += 20
      requests += 1
      const response = await respond(request)
      if (requests >= lostAt) throw new FieldLost('the phone has left')
      return response
    }
    await node.meet({ exchange, leave: async () => {} }, stop.signal)
  }
  const phones = wallet({
    clock,
    crypto,
    disk: diskOf(phoneNotes),
    authority: {
      activate: request => centre.activatePhone(request),
      renew: request => centre.renewLicense(request),
      testify: request => centre.testify(request),
    },
    antenna: meet,
    terminals: [{ terminal: till, address: 'here' }],
  })
  const phoneOf = (account: string): string => phones.phones().find(phone => phone.account === account)?.id ?? ''

  const tap = async (account: string): Promise<TapOutcome> => {
    const outcome = await phones.tap(phoneOf(account), till, true)
    if (!('outcome' in outcome)) throw new Error(outcome.message)
    return outcome as TapOutcome
  }

  return {
    clock,
    centre,
    log,
    rows,
    crypto,
    tillLog,
    node,
    phones,
    network,
    settle,
    openAccount: async (account: string, limit: bigint, allowance: string): Promise<void> => {
      orThrow(await centre.openAccount({ account, limit: minorUnits(limit.toString()), currency: 'EUR', by }))
      await settle()
      const invited = orThrow(await centre.invitePhone({ account, currency: 'EUR', allowance, by })) as { code: string }
      orThrow(await phones.addPhone(invited.code))
    },
    /** A sale keyed and tapped; `lost` where the phone leaves before that answer of its is heard. */
    sell: async (account: string, amount: bigint, lost = Number.POSITIVE_INFINITY) => {
      orThrow(node.startSale(minorUnits(amount.toString()), 'EUR'))
      lostAt = lost
      const outcome = await tap(account)
      lostAt = Number.POSITIVE_INFINITY
      return outcome
    },
    tap,
    sync: async (): Promise<void> => {
      orThrow(await node.syncNow())
      await settle()
    },
    balance: async (account: string) => {
      const { owed, held } = orThrow(await centre.ask.balance({ account })) as { owed: string; held: string }
      return { owed, held }
    },
    close: async (): Promise<void> => {
      stop.abort()
      await running
      rows.close()
      heads.close()
      tiles.close()
      for (const store of [log, tillLog, phoneNotes]) store.close()
    },
  }
}

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { isRefusal, type Refusal } from '#canonical/decider'
import { sqliteStore } from '#eventstore/sqlite'
import { systemClock } from '#machine/clock'
import { nodeCrypto } from '#machine/crypto'
import { scryptPins } from '#machine/pins'
import { sleep } from '#machine/process'
import { minorUnits } from '#money'
import type { PhoneMemory } from '#tap/phone'
import { findable } from '#till/window'
import { enrol, makeKeys } from '../../apps/terminal/enrol.ts'
import { httpLink } from '../../apps/terminal/link.ts'
import { terminal } from '../../apps/terminal/terminal.ts'
import { httpAuthority } from '../../apps/wallet/authority.ts'
import { wallet } from '../../apps/wallet/wallet.ts'
import { beginCentre, openAccount } from '../machines/centres.ts'
import { ask, endAll, healthy } from '../machines/processes.ts'
import { exactly, now, percentile, type Row, rate } from './measure.ts'

/**
 * Terminals that were offline send all they have at once, and take taps meanwhile. The centre is a process on its own
 * files, over loopback; the terminals and phones are the apps' own nodes in this one, each terminal with its own log.
 */
type DrainSize = { readonly terminals: number; readonly stored: number }

/** Under the policy's 50 payments since the authority saw a phone. */
const tapsOfPhone = 40
/** No drain takes longer than this; what is not acknowledged then fails the run. */
const patience_ms = 30 * 60_000

const quiet = { info: () => {}, warn: () => {}, error: () => {} }
const say = (line: string): void => void process.stderr.write(`${line}\n`)

const orThrow = <Answer>(answer: Answer | Refusal): Answer => {
  if (typeof answer === 'object' && answer !== null && isRefusal(answer)) throw new Error(answer.message)
  return answer
}

/** Of a process, from the kernel: all it has used of the CPU, and the most memory it had. */
const usedBy = (pid: number): { readonly cpu_ms: number; readonly most_MB: number } => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  const most_kB = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  return { cpu_ms: ticks * 10, most_MB: most_kB / 1024 }
}

export const sync = async (folder: string, { terminals, stored }: DrainSize): Promise<Row> => {
  const crypto = nodeCrypto()
  const stop = new AbortController()
  const running: Promise<void>[] = []
  const place = (name: string): string => {
    const made = join(folder, name)
    mkdirSync(made, { recursive: true })
    return made
  }
  const { one: centre, url } = await beginCentre('centre', place('centre'))
  const disks: { close(): void }[] = []
  try {
    await healthy(centre, url)
    const terms = { feeBasisPoints: 150, taxBasisPoints: 2000 }
    await ask('POST', `${url}/api/merchants`, { merchant: 'm-1', name: 'Corner & Co.', currency: 'EUR', ...terms })
    const shop = { shop: 's-1', merchant: 'm-1', name: 'Corner', zone: 'Europe/Berlin' }
    await ask('POST', `${url}/api/shops`, shop)

    // More than a small shop would let a terminal keep.
    const much = { stored: { count: 1_000_000, sum: '1000000.00' }, reason: 'a bench of what waits' }
    await ask('POST', `${url}/api/authority/policies/EUR`, much)

    /* ---- terminals, and the phones of each */

    const names = Array.from({ length: terminals }, (_, nth) => `T-${nth + 1}`)
    const tills = new Map<string, Awaited<ReturnType<typeof terminal>>>()
    for (const name of names) {
      const invited = await ask('POST', `${url}/api/terminals`, { terminal: name, shop: 's-1' })
      const [code, root] = [String(invited['code']), String(invited['rootFingerprint'])]
      const { identity, rules } = await enrol(crypto, url, { code, root, keys: makeKeys(crypto) })
      const iso = () => new Date(systemClock.now()).toISOString()
      const disk = sqliteStore(join(place(name), 'log.sqlite'), iso, { findable })
      disks.push(disk)
      const node = await terminal({
        ...{ clock: systemClock, crypto, store: disk, notes: disk, past: disk, pins: scryptPins, sleep, log: quiet },
        ...{ identity, firstRules: rules, link: httpLink(url, name, stop.signal) },
        reader: { radio: 'loopback', taps: async function* () {} },
      })
      node.setNetwork(false)
      running.push(node.run(stop.signal))
      orThrow(await node.openDay())
      tills.set(name, node)
    }
    let taken: number[] = []
    const staying = new AbortController().signal
    const phones = wallet({
      clock: systemClock,
      crypto,
      disk: { phones: () => [], keep: (_: PhoneMemory) => {}, asked: () => undefined, keepAsked: () => {} },
      authority: httpAuthority(url),
      antenna: async (address, respond) => {
        const since = now()
        const meeting = { exchange: respond, leave: async () => {} }
        await (tills.get(address) as NonNullable<ReturnType<typeof tills.get>>).meet(meeting, staying)
        taken.push(now() - since)
      },
      terminals: names.map(name => ({ terminal: name, address: name })),
    })
    const payers = new Map<string, { readonly id: string; taps: number }>()
    let opened = 0
    /** The phone whose turn it is at a till; a new one, of a new account, where it has paid often enough. */
    const phoneAt = async (name: string): Promise<string> => {
      let held = payers.get(name)
      if (!held || held.taps === tapsOfPhone) {
        const account = `payer-${opened++}`
        await openAccount(url, account, '1000.00')
        const body = { allowance: '100.00', currency: 'EUR' }
        const { code } = await ask('POST', `${url}/api/accounts/${account}/activations`, body)
        held = { id: (orThrow(await phones.addPhone(String(code))) as { id: string }).id, taps: 0 }
        payers.set(name, held)
      }
      held.taps += 1
      return held.id
    }
    const tap = async (name: string): Promise<void> => {
      const phone = await phoneAt(name)
      orThrow((tills.get(name) as NonNullable<ReturnType<typeof tills.get>>).startSale(minorUnits('100'), 'EUR'))
      const { outcome, message } = orThrow(await phones.tap(phone, name, false)) as {
        outcome: string
        message?: string
      }
      if (outcome !== 'paid') throw new Error(`A tap at ${name} is ${outcome}: ${message}`)
      await setImmediate()
    }

    /* ---- what was taken offline */

    for (let turn = 0; turn < stored; turn++) {
      for (const name of names) await tap(name)
      if ((turn + 1) % 20 === 0) say(`${(turn + 1) * terminals} of ${stored * terminals} taps taken offline`)
    }
    const before = taken.slice(Math.min(100, taken.length / 2))
    taken = []
    const ends = new Map(names.map(name => [name, tills.get(name)?.status().revision as number]))
    const events = [...ends.values()].reduce((sum, revision) => sum + revision + 1, 0)

    /* ---- all come back at once, and go on taking taps */

    const idle = usedBy(centre.pid)
    const began = now()
    for (const node of tills.values()) node.setNetwork(true)
    const firsts = new Map<string, number>()
    const lasts = new Map<string, number>()
    for (let turn = 0; lasts.size < terminals; turn++) {
      await tap(names[turn % terminals] as string)
      for (const [name, node] of tills) {
        const { acknowledgedTo } = node.till
        if (acknowledgedTo >= 0 && !firsts.has(name)) firsts.set(name, now() - began)
        if (acknowledgedTo >= (ends.get(name) as number) && !lasts.has(name)) lasts.set(name, now() - began)
      }
      if (now() - began > patience_ms) throw new Error(`${terminals - lasts.size} terminals are not acknowledged yet`)
    }
    const took_ms = now() - began
    const used = usedBy(centre.pid)
    const during = taken
    const at = (values: Iterable<number>) => {
      const all = [...values]
      return { median: percentile(all, 50), min: Math.min(...all), max: Math.max(...all) }
    }
    const p = (values: readonly number[], percent: number) => exactly(percentile(values, percent))
    const slower = exactly(percentile(during, 99) / percentile(before, 99))
    return {
      name: 'sync',
      what: `${terminals} terminals drain at once, and take taps meanwhile, one after another`,
      durable: 'taps on each terminal and batches at the centre: WAL, synchronous=FULL',
      checked: 'every tap is paid; every terminal lets go of all it had by a signed checkpoint with its proofs',
      data: `${stored} payments stored on each, ${events.toLocaleString('en')} events in all; ${during.length} taps meanwhile; terminals and phones share one process`,
      figures: [
        { what: 'drained', unit: 'events/s', value: exactly(rate(events, took_ms)) },
        {
          what: "centre's CPU an event, its followers in it",
          unit: 'ms',
          value: exactly((used.cpu_ms - idle.cpu_ms) / events),
        },
        { what: 'most memory of the centre', unit: 'MB', value: exactly(used.most_MB), target: { atMost: 400 } },
        { what: 'first acknowledgement of each terminal', unit: 'ms', value: at(firsts.values()) },
        { what: 'last acknowledgement of each terminal', unit: 'ms', value: at(lasts.values()) },
        { what: 'tap before, p50', unit: 'ms', value: p(before, 50) },
        { what: 'tap before, p99', unit: 'ms', value: p(before, 99) },
        { what: 'tap before, longest', unit: 'ms', value: p(before, 100) },
        { what: 'tap during the drain, p50', unit: 'ms', value: p(during, 50) },
        { what: 'tap during the drain, p99', unit: 'ms', value: p(during, 99) },
        { what: 'tap during the drain, longest', unit: 'ms', value: p(during, 100), target: { atMost: 500 } },
        { what: 'tap p99, during of before', unit: 'times', value: slower, target: { atMost: 1.5 } },
      ],
    }
  } finally {
    stop.abort()
    await Promise.all(running)
    for (const disk of disks) disk.close()
    await endAll()
  }
}

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause, setImmediate } from 'node:timers/promises'
import { base64url } from '#canonical/bytes'
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
import { markerFile } from '../../apps/terminal/marker.ts'
import { terminal } from '../../apps/terminal/terminal.ts'
import { httpAuthority } from '../../apps/wallet/authority.ts'
import { wallet } from '../../apps/wallet/wallet.ts'
import { beginCentre, openAccount } from '../machines/centres.ts'
import { ask, endAll, freePorts, healthy, program, run } from '../machines/processes.ts'
import { exactly, now, percentile, type Row, rate } from './measure.ts'
import type { Tapped, Tapping } from './tapping.ts'

/**
 * Terminals that were offline send all they have at once, and some take taps meanwhile. The centre is a process on its
 * own files, over loopback. Most terminals and their phones are the apps' own nodes in this process, each terminal with
 * its own log; those that take taps are processes as they are shipped, with a wallet's and a cashier's process beside
 * them, so that a tap waits for what its own terminal does and for no other's.
 */
type DrainSize = { readonly terminals: number; readonly stored: number }

/** Under the policy's 50 payments since the authority saw a phone. */
const tapsOfPhone = 40
const tapping = 3
/** Good for so many taps of those three; whoever has none left ends the tapping, and not the drain. */
const phonesDuring = 40
/** With compilers and caches warm. */
const tapsBefore = 240
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
        ...{
          clock: systemClock,
          crypto,
          store: disk,
          notes: disk,
          past: disk,
          marker: markerFile(place(name)),
          pins: scryptPins,
          sleep,
          log: quiet,
        },
        ...{ identity, firstRules: rules, link: httpLink(url, name, stop.signal) },
        reader: { radio: 'loopback', taps: async function* () {} },
      })
      node.setNetwork(false)
      running.push(node.run(stop.signal))
      orThrow(await node.openDay())
      tills.set(name, node)
    }
    const staying = new AbortController().signal
    const phones = wallet({
      clock: systemClock,
      crypto,
      disk: { phones: () => [], keep: (_: PhoneMemory) => {}, asked: () => undefined, keepAsked: () => {} },
      authority: httpAuthority(url),
      antenna: async (address, respond) => {
        const meeting = { exchange: respond, leave: async () => {} }
        await (tills.get(address) as NonNullable<ReturnType<typeof tills.get>>).meet(meeting, staying)
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
    const street = await beside(url, place('beside'), crypto)
    say(
      `${stored} taps to be taken offline on each of ${tapping} terminals of their own, and ${tapsBefore} for comparison`,
    )
    await street.tap(stored * tapping)
    const before = await street.tap(tapsBefore)
    await street.stock()
    const ends = new Map(names.map(name => [name, tills.get(name)?.status().revision as number]))
    const events = [...ends.values()].reduce((sum, revision) => sum + revision + 1, 0)

    /* ---- all come back at once, and go on taking taps */

    const idle = usedBy(centre.pid)
    const began = now()
    for (const node of tills.values()) node.setNetwork(true)
    await street.online()
    const tappingNow = street.tap(phonesDuring * tapsOfPhone)
    // Heard of below: until then a fault of it is nobody's.
    tappingNow.catch(() => {})
    const firsts = new Map<string, number>()
    const lasts = new Map<string, number>()
    while (lasts.size < terminals) {
      await pause(5)
      for (const [name, node] of tills) {
        const { acknowledgedTo } = node.till
        if (acknowledgedTo >= 0 && !firsts.has(name)) firsts.set(name, now() - began)
        if (acknowledgedTo >= (ends.get(name) as number) && !lasts.has(name)) lasts.set(name, now() - began)
      }
      if (now() - began > patience_ms) throw new Error(`${terminals - lasts.size} terminals are not acknowledged yet`)
    }
    const took_ms = now() - began
    const used = usedBy(centre.pid)
    street.stop()
    const during = await tappingNow
    await street.drained()
    const at = (values: Iterable<number>) => {
      const all = [...values]
      return { median: percentile(all, 50), min: Math.min(...all), max: Math.max(...all) }
    }
    const p = (values: readonly number[], percent: number) => exactly(percentile(values, percent))
    const slower = exactly(percentile(during, 99) / percentile(before, 99))
    return {
      name: 'sync',
      what: `${terminals} terminals drain at once, and ${tapping} more that drain, too, take taps meanwhile, one after another`,
      durable: 'taps on each terminal and batches at the centre: WAL, synchronous=FULL',
      checked: 'every tap is paid; every terminal lets go of all it had by a signed checkpoint with its proofs',
      data: `${stored} payments stored on each, ${events.toLocaleString('en')} events in all; ${during.length} taps meanwhile; the terminals that tap, their wallet and the cashier are processes of their own, the others share one`,
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
        { what: 'tap before, as the wallet was asked for it, p50', unit: 'ms', value: p(before, 50) },
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

/** Terminals that take taps, a wallet and who keys the sales: each a process. */
const beside = async (url: string, folder: string, crypto: ReturnType<typeof nodeCrypto>) => {
  const names = Array.from({ length: tapping }, (_, nth) => `B-${nth + 1}`)
  const tills: { id: string; url: string; radio: number }[] = []
  for (const id of names) {
    const invited = await ask('POST', `${url}/api/terminals`, { terminal: id, shop: 's-1' })
    const [port, radio] = [await freePorts(), await freePorts()]
    const code = ['--enrol', String(invited['code']), '--root', String(invited['rootFingerprint'])]
    const args = ['--port', `${port}`, '--radio', `${radio}`, '--data', join(folder, id), '--centre', url, ...code]
    const one = run(id, program('dist/apps/terminal/main.js', args))
    const till = { id, url: `http://127.0.0.1:${port}`, radio }
    await healthy(one, till.url)
    await ask('POST', `${till.url}/api/day/open`, {})
    await ask('POST', `${till.url}/api/network`, { online: false })
    tills.push(till)
  }
  const port = await freePorts()
  const wallet = `http://127.0.0.1:${port}`
  const antennas = tills.flatMap(({ id, radio }) => ['--antenna', `${id}=127.0.0.1:${radio}`])
  const data = ['--data', join(folder, 'wallet'), '--centre', url]
  await healthy(run('wallet', program('dist/apps/wallet/main.js', ['--port', `${port}`, ...data, ...antennas])), wallet)

  let opened = 0
  const phone = async (): Promise<string> => {
    const account = `beside-${base64url(crypto.random(6))}-${opened++}`
    await openAccount(url, account, '1000.00')
    const { code } = await ask('POST', `${url}/api/accounts/${account}/activations`, {
      allowance: '100.00',
      currency: 'EUR',
    })
    return String((await ask('POST', `${wallet}/api/phones`, { code }))['id'])
  }
  const cashier = fork(join(import.meta.dirname, 'tapping.ts'), { execArgv: process.execArgv })
  const phones: string[] = []
  return {
    /** So many taps, or until `stop`; how long each took. */
    tap: async (taps: number): Promise<readonly number[]> => {
      const needed = Math.ceil(taps / tapsOfPhone)
      while (phones.length < needed) phones.push(await phone())
      const asked: Tapping = { wallet, tills, phones: phones.splice(0, needed), tapsOfPhone, taps }
      const told = once(cashier, 'message') as Promise<[Tapped]>
      cashier.send(asked)
      const gone = once(cashier, 'exit').then((): [Tapped] => [{ fault: 'the cashier’s process ended' }])
      const [answer] = await Promise.race([told, gone])
      if ('fault' in answer) throw new Error(answer.fault)
      return answer.taken_ms
    },
    stop: () => cashier.send('stop'),
    /** Phones for all that is tapped during the drain: the centre has other things to do then. */
    stock: async (): Promise<void> => {
      while (phones.length < phonesDuring) phones.push(await phone())
    },
    online: async (): Promise<void> => {
      await Promise.all(tills.map(till => ask('POST', `${till.url}/api/network`, { online: true })))
    },
    /** Everything of theirs is at the centre, too; throws where it is not. */
    drained: async (): Promise<void> => {
      cashier.disconnect()
      for (const till of tills) {
        await ask('POST', `${till.url}/api/sync`)
        const { waiting } = (await ask('GET', `${till.url}/api/till`)) as { waiting: { count: number } }
        if (waiting.count > 0) throw new Error(`${waiting.count} payments of ${till.id} still wait`)
      }
    },
  }
}

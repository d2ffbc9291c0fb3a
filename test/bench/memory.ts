import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPcsc } from '../machines/pcsc.ts'
import { childrenOf } from '../machines/processes.ts'
import { type App, openStreet, type Street, type Till } from '../machines/street.ts'
import { exactly, now, percentile, type Row } from './measure.ts'

/** What the processes of a street hold when they have worked and nothing is asked of them any more, as the kernel counts it. */

/** Under the policy's 50 payments since the authority saw a phone. */
const tapsOfPhone = 30
/** Of as many phones; a reader needs the daemon. */
const readerTaps = 8
const pcscd = '/usr/sbin/pcscd'

const say = (line: string): void => void process.stderr.write(`${line}\n`)

type Held = { readonly rss_MB: number; readonly most_MB: number }

const heldBy = (pid: number): Held => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const told = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024
  return { rss_MB: told('VmRSS'), most_MB: told('VmHWM') }
}

export const memory = async ({ taps, quiet_s }: { readonly taps: number; readonly quiet_s: number }): Promise<Row> => {
  // Without a PC/SC daemon there is no reader, and so no child that would hold one.
  const pcsc = existsSync(pcscd) ? await startPcsc({ readers: 1 }) : undefined
  try {
    const [name = '', socketPath = ''] = [pcsc?.readers[0], pcsc?.socketPaths[0]]
    const reader = pcsc && { name, socketPath, inside: pcsc.inside }
    const accounts = Array.from({ length: Math.max(readerTaps, Math.ceil(taps / tapsOfPhone)) }, (_, nth) => ({
      account: `payer-${nth}`,
      limit: '1000.00',
      allowance: '100.00',
    }))
    const street = await openStreet({
      terminals: [{ id: 'T-1' }, ...(reader ? [{ id: 'T-2', reader }] : [])],
      accounts,
    })
    try {
      return await measured(street, { taps, quiet_s })
    } finally {
      await street.close()
    }
  } finally {
    await pcsc?.stop()
  }
}

const measured = async (
  street: Street,
  { taps, quiet_s }: { readonly taps: number; readonly quiet_s: number },
): Promise<Row> => {
  const till = street.till()
  const beside = street.tills[1]
  const taken: number[] = []
  const tapAt = async (place: Till, phone: number): Promise<number> => {
    await place.key('1.00')
    const since = now()
    const { outcome, reason } = await street.tap(street.phone(phone), place)
    if (outcome !== 'paid') throw new Error(`A tap at ${place.id} is ${outcome}: ${reason}`)
    return now() - since
  }
  for (let tap = 0; tap < taps; tap++) taken.push(await tapAt(till, Math.floor(tap / tapsOfPhone)))
  for (let phone = 0; phone < (beside ? readerTaps : 0); phone++) {
    await tapAt(beside as Till, phone)
    // Nobody holds a phone to a reader twice within a moment.
    await sleep(500)
  }
  for (const each of street.tills) await each.sync()
  say(`${taps} taps taken; now nothing is asked for ${quiet_s} s`)
  await sleep(quiet_s * 1000)
  const pidOf = (app: App): number => app.running().pid
  const [child] = beside ? childrenOf(pidOf(beside)) : []
  const held = (what: string, pid: number, atMost?: number): Row['figures'] => {
    const { rss_MB, most_MB } = heldBy(pid)
    const target = atMost === undefined ? {} : { target: { atMost } }
    return [
      { what: `${what}, idle`, unit: 'MB', value: exactly(rss_MB), ...target },
      { what: `${what}, at its most`, unit: 'MB', value: exactly(most_MB) },
    ]
  }
  const other = beside
    ? `${readerTaps} on another through pcscd and a virtual reader`
    : 'there is no pcscd for a reader'
  return {
    name: 'memory',
    what: `what each process of a shop holds (VmRSS), ${quiet_s} s after its last tap`,
    durable: 'everything as shipped: logs in SQLite files',
    checked: 'every tap is paid, and each terminal has sent all of them',
    data: `${taps} taps on one terminal over the loopback; ${other}; the centre judged and posted them`,
    figures: [
      ...held('terminal', pidOf(till), 120),
      ...(beside ? held('terminal with a reader', pidOf(beside), 120) : []),
      ...(child === undefined ? [] : held('its child with the reader', child, 60)),
      ...held('centre', pidOf(street.centre), 180),
      ...held('wallet', pidOf(street.wallet)),
      { what: 'tap, as the wallet was asked for it, p50', unit: 'ms', value: exactly(percentile(taken, 50)) },
      { what: 'tap, as the wallet was asked for it, p99', unit: 'ms', value: exactly(percentile(taken, 99)) },
    ],
  }
}

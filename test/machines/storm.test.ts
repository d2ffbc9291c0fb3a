import { spawnSync } from 'node:child_process'
import { afterAll, describe, expect, it } from 'vitest'
import type { Event } from '#canonical/event'
import { startPostgres } from './postgres.ts'
import { ask, call, eventually, program, project } from './processes.ts'
import { type App, logOf, openStreet, type Phone, type Sale, type Street, type Till } from './street.ts'
import { badLine, type Dice, dice, type Line } from './weather.ts'

/**
 * Ten terminals, a hundred phones and a centre, each terminal and the phones behind a bad line, the air bad as well, and
 * any process killed by SIGKILL at any time. At the end phones, terminals and centre know the same payments, one by one.
 * STORM is how many seconds of it in all, SEED where the dice begin; what the processes make of it is their own.
 */

const seconds = Number(process.env['STORM'] ?? 60)
const seed = process.env['SEED'] ?? 'one night in November'
const terminals = 10
const phonesMax = 100

type Storm = {
  readonly street: Street
  readonly lines: ReadonlyMap<string, Line>
  readonly roll: Dice
  readonly end_ms: number
}
type Told = {
  taps: number
  paid: number
  left: number
  /** Times that a tap was made again on one sale. */
  again: number
  readonly killed: Record<string, number>
  cut: number
}

/** Sales that a client keyed, by its own reference, and whose phone it was. */
type Keyed = { readonly till: Till; readonly phone: Phone; readonly amount: string; shownPaid: boolean; sale?: string }

const amountOf = (minor: number): string => `${Math.floor(minor / 100)}.${String(minor % 100).padStart(2, '0')}`
const minorOf = (amount: string): bigint => BigInt(amount.replace('.', ''))
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Nobody answered, or only half: who asks asks again. */
const orNothing = async <Answer>(asked: Promise<Answer>): Promise<Answer | undefined> => asked.catch(() => undefined)

/* ---- a till's queue */

const queue = async (
  { street, roll, end_ms }: Storm,
  till: Till,
  busy: Set<string>,
  keyed: Map<string, Keyed>,
  told: Told,
) => {
  for (let place = 0; Date.now() < end_ms; place++) {
    const phone = street.phones[roll(street.phones.length)] as Phone
    // One holder stands at one till.
    if (busy.has(phone.id)) continue
    busy.add(phone.id)
    try {
      await serve({ street, till, phone, end_ms, keyed, told, reference: `${till.id} ${place}`, minor: 1 + roll(20) })
    } finally {
      busy.delete(phone.id)
    }
    await pause(roll(40))
  }
}

const serve = async (one: {
  readonly street: Street
  readonly till: Till
  readonly phone: Phone
  readonly end_ms: number
  readonly keyed: Map<string, Keyed>
  readonly told: Told
  readonly reference: string
  readonly minor: number
}): Promise<void> => {
  const { street, till, phone, end_ms, keyed, told, reference, minor } = one
  const mine: Keyed = { till, phone, amount: amountOf(minor), shownPaid: false }
  keyed.set(reference, mine)
  // Whoever had no answer keys the same again, under the same idempotency key.
  let sale: Sale | undefined
  while (!sale && Date.now() < end_ms) {
    sale = await orNothing(till.key(mine.amount, { key: reference, reference }))
    if (!sale) await pause(50)
  }
  if (!sale) return
  mine.sale = sale.sale
  for (let taps = 0; taps < 8 && Date.now() < end_ms; taps++) {
    if (taps > 0) told.again++
    told.taps++
    const outcome = await orNothing(street.tap(phone, till))
    const held = await orNothing(till.sale(mine.sale))
    const state = (held?.body as Partial<Sale> | undefined)?.state
    if (outcome?.outcome === 'paid') mine.shownPaid = true
    if (state === 'approved') {
      mine.shownPaid = true
      told.paid++
      return
    }
    // A restart before the phone paid: the till never kept the sale. It is keyed again, as the same one.
    if (held?.status === 404) {
      const again = await orNothing(till.key(mine.amount, { key: reference, reference }))
      if (again) mine.sale = again.sale
    } else if (state !== undefined && state !== 'torn' && state !== 'waiting' && state !== 'tapping') break
    if (state === 'waiting' && outcome?.outcome === 'declined') await pause(30)
    await pause(10)
  }
  told.left++
  await orNothing(call('POST', `${till.url}/api/sales/${mine.sale}/cancel`))
}

/* ---- what befalls them */

/** Kills one after the other, each at any time of its life, and starts it again on the folder that it left. */
const reaper = async ({ street, roll, end_ms }: Storm, dead: Set<App>, told: Told): Promise<void> => {
  while (Date.now() < end_ms) {
    await pause(200 + roll(800))
    const which = roll(14)
    const app: App = which < terminals ? street.till(which) : which < 12 ? street.centre : street.wallet
    const name = which < terminals ? 'terminal' : which < 12 ? 'centre' : 'phones'
    if (dead.has(app)) continue
    dead.add(app)
    told.killed[name] = (told.killed[name] ?? 0) + 1
    await app.running().kill()
    await pause(roll(400))
    await app.start()
    dead.delete(app)
  }
}

/** Now and then a line is dead for a while. */
const outages = async ({ lines, roll, end_ms }: Storm, told: Told): Promise<void> => {
  const all = [...lines.values()]
  while (Date.now() < end_ms) {
    await pause(300 + roll(1500))
    const line = all[roll(all.length)] as Line
    line.down()
    told.cut++
    await pause(roll(1500))
    line.up()
  }
}

/** Phones meet their authority now and then, or they come to the end of what they may pay unseen. */
const meetings = async ({ street, roll, end_ms }: Storm): Promise<void> => {
  while (Date.now() < end_ms) {
    const phone = street.phones[roll(street.phones.length)] as Phone
    await orNothing(call('POST', `${street.wallet.url}/api/phones/${phone.id}/testify`))
    await pause(100)
  }
}

/* ---- after it */

const tornAt = async (till: Till): Promise<readonly Sale[]> =>
  ((await ask('GET', `${till.url}/api/till`)) as { torn: Sale[] }).torn

/** The cashier takes each torn sale up again, and whoever's tap it was holds the same phone there once more. */
const mendTorn = async (street: Street, keyed: ReadonlyMap<string, Keyed>): Promise<void> => {
  const holders = new Map([...keyed.values()].map(({ sale, phone }) => [sale, phone]))
  for (const till of street.tills)
    await eventually(async () => {
      const outcomes: unknown[] = []
      for (const { sale, reason } of await tornAt(till)) {
        const phone = holders.get(sale)
        if (!phone) throw new Error(`${till.id} has a torn sale ${sale} that nobody keyed`)
        // Other sales were keyed since: the till asks for the one on its screen.
        outcomes.push(await ask('POST', `${till.url}/api/sales/${sale}/resume`))
        outcomes.push(await street.tap(phone, till))
        // Octets of the first tap were spoiled where no signature covers them: what was sealed over them opens to nobody.
        // Asked twice in fair weather, the cashier gives the sale up, and the phone's word for it is told as unclaimed.
        if (reason === 'PhoneMisunderstood' && (await till.sale(sale)).body['state'] === 'torn')
          outcomes.push(await ask('POST', `${till.url}/api/sales/${sale}/cancel`))
      }
      const torn = await tornAt(till)
      if (torn.length > 0) throw new Error(`${till.id} still has ${JSON.stringify({ torn, outcomes })}`)
    }, 30_000)
}

type Recorded = {
  readonly transaction: string
  readonly payment: string
  readonly amount: string
  readonly reference: string
  readonly card: string
}
const recordedIn = (log: readonly Event[]): Recorded[] =>
  log.filter(({ type }) => type === 'TransactionRecorded').map(({ data }) => data as Recorded)

const line = (...cells: readonly (string | number)[]): string =>
  cells.map((cell, at) => String(cell).padEnd(at ? 10 : 26)).join('')
const table = (told: Told, lines: ReadonlyMap<string, Line>): string => {
  const sums: Record<'net' | 'air', Record<string, number>> = { net: {}, air: {} }
  for (const [name, { counts }] of lines) {
    const at = name.startsWith('air') ? sums.air : sums.net
    for (const [fault, count] of Object.entries(counts)) at[fault] = (at[fault] ?? 0) + count
  }
  const row = (name: string, counts: Record<string, number>) =>
    line(name, ...Object.entries(counts).flatMap(([what, count]) => [what, count]))
  return [
    line('taps', told.taps, 'again', told.again, 'paid', told.paid, 'left', told.left),
    row('killed', told.killed),
    row('lines to the centre', sums.net),
    row('the air', sums.air),
    line('lines dead for a while', told.cut),
  ].join('\n')
}

const storm = async (name: string, for_s: number, store?: string): Promise<void> => {
  const roll = dice(`${seed} ${name}`)
  let begun = false
  const lines = new Map<string, Line>()
  const rates = { cut: 25, delay: 60, swap: 15, corrupt: 15 }
  // Fair until all are enrolled.
  const through = async (what: string, to: number): Promise<number> => {
    const made = await badLine(to, bound => (begun ? roll(bound) : bound - 1), rates)
    lines.set(what, made)
    return made.port
  }
  const street = await openStreet({
    terminals: Array.from({ length: terminals }, (_, place) => ({
      id: `T-${place + 1}`,
      antenna: radio => through(`air of T-${place + 1}`, radio),
    })),
    accounts: Array.from({ length: phonesMax }, (_, place) => ({
      account: `payer-${place + 1}`,
      limit: '900.00',
      allowance: '300.00',
    })),
    line: through,
    ...(store === undefined ? {} : { store }),
  })
  try {
    begun = true
    const told: Told = { taps: 0, paid: 0, left: 0, again: 0, killed: {}, cut: 0 }
    const keyed = new Map<string, Keyed>()
    const busy = new Set<string>()
    const dead = new Set<App>()
    const at: Storm = { street, lines, roll, end_ms: Date.now() + for_s * 1000 }
    await Promise.all([
      ...street.tills.map(till => queue(at, till, busy, keyed, told)),
      reaper(at, dead, told),
      reaper(at, dead, told),
      outages(at, told),
      meetings(at),
    ])
    for (const each of lines.values()) each.heal()
    console.log(`${name}, seed: ${seed}, ${for_s} s\n${table(told, lines)}`)

    await mendTorn(street, keyed)
    await sameEverywhere(street, keyed)
    // However slow the machine: something was paid, and something died.
    expect(told.paid).toBeGreaterThan(10)
    expect(Object.values(told.killed).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(1)

    await street.centre.running().end()
    const args = ['fsck', '--data', street.centre.folder, ...(store === undefined ? [] : ['--store', store])]
    const [node = '', ...more] = program('dist/apps/tally/main.js', args)
    const { status, stdout } = spawnSync(node, more, { cwd: project, encoding: 'utf8' })
    expect([status, stdout]).toEqual([0, expect.any(String)])
  } catch (error) {
    console.log(street.said())
    throw error
  } finally {
    await street.close()
    for (const each of lines.values()) await each.close()
  }
}

const sameEverywhere = async (street: Street, keyed: ReadonlyMap<string, Keyed>): Promise<void> => {
  /* each phone's memory against the terminals' logs */
  const remembered = new Map<string, { readonly amount: string; readonly card: string; readonly account: string }>()
  for (const { id, card, account } of street.phones) {
    const { payments } = (await ask('GET', `${street.wallet.url}/api/phones/${id}`)) as unknown as {
      payments: { transaction: string; amount: string }[]
    }
    for (const { transaction, amount } of payments) remembered.set(transaction, { amount, card, account })
  }
  const inLogs = new Map<string, Recorded>()
  const logs: Event[] = []
  for (const till of street.tills) {
    const log = await logOf(till)
    logs.push(...log)
    const recorded = recordedIn(log)
    const references = recorded.map(({ reference }) => reference)
    expect([till.id, references.length]).toEqual([till.id, new Set(references).size])
    for (const one of recorded) {
      inLogs.set(one.transaction, one)
      const asked = keyed.get(one.reference)
      expect([one.reference, asked?.till.id, asked?.phone.card]).toEqual([one.reference, till.id, one.card])
      expect([one.reference, minorOf(asked?.amount ?? '0')]).toEqual([one.reference, BigInt(one.amount)])
    }
    const here = new Set(references)
    for (const [reference, { till: its, shownPaid }] of keyed)
      if (its === till && shownPaid) expect([reference, here.has(reference)]).toEqual([reference, true])
  }
  const lines = (all: Iterable<readonly [string, bigint, string]>) => [...all].map(each => each.join(' ')).sort()
  // A phone remembers its last 64; a storm of minutes stays below that for each, and one of hours does not.
  const logged = lines([...inLogs].map(([transaction, { amount, card }]) => [transaction, BigInt(amount), card]))
  const known = lines([...remembered].map(([transaction, { amount, card }]) => [transaction, minorOf(amount), card]))
  // What a cashier gave up is never recorded, whatever the phone knows; the balances below say that it is not owed.
  const told = (transaction: string) =>
    logs.filter(({ data }) => (data as { transaction?: string }).transaction === transaction)
  for (const each of known.filter(each => !logged.includes(each))) {
    const story = told(each.split(' ')[0] as string)
    expect([each, story.map(({ type }) => type)]).toEqual([each, expect.arrayContaining(['TapTorn', 'TapResolved'])])
    expect(story.findLast(({ type }) => type === 'TapResolved')?.data).toMatchObject({ outcome: 'abandoned' })
  }
  if (street.phones.every(({ card }) => [...inLogs.values()].filter(one => one.card === card).length < 64))
    expect(logged.filter(each => !known.includes(each))).toEqual([])

  /* the terminals' logs against the centre */
  for (const till of street.tills)
    await eventually(async () => {
      await till.sync()
      expect(await ask('GET', `${till.url}/api/health`)).toMatchObject({ waiting: { count: 0, sum: '0.00' } })
    }, 60_000)
  const accountOf = new Map(street.phones.map(({ card, account }) => [card, account]))
  const spent = new Map<string, bigint>()
  for (const { card, amount } of inLogs.values()) {
    const account = accountOf.get(card) ?? 'nobody'
    spent.set(account, (spent.get(account) ?? 0n) + BigInt(amount))
  }
  for (const { account } of street.phones)
    await eventually(async () => {
      const { owed } = await street.balance(account)
      expect([account, minorOf(String(owed))]).toEqual([account, spent.get(account) ?? 0n])
    }, 60_000)
  // What was given up at a till and paid by the phone is told, and nothing else is.
  await eventually(async () => {
    const { exceptions } = (await ask('GET', `${street.centre.url}/api/exceptions?state=open`)) as unknown as {
      exceptions: { kind: string; concerns: string[]; message: string }[]
    }
    for (const { kind, concerns, message } of exceptions) {
      const story = concerns.flatMap(told).map(({ type }) => type)
      expect([message, kind, story]).toEqual([message, 'UnclaimedPayment', expect.arrayContaining(['TapResolved'])])
    }
  })
}

describe('a storm', () => {
  const share = Math.round((seconds * 2) / 3)
  it(`over a centre on SQLite, ${share} s`, () => storm('SQLite', share), (seconds + 240) * 1000)

  let server: Awaited<ReturnType<typeof startPostgres>> | undefined
  afterAll(() => server?.remove())
  it(
    `over a centre on PostgreSQL, ${seconds - share} s`,
    async () => {
      server = await startPostgres()
      await storm('PostgreSQL', seconds - share, server.url)
    },
    (seconds + 240) * 1000,
  )
})

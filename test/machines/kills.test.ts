import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Event } from '#canonical/event'
import { type Moment, moments } from '../../apps/terminal/ports.ts'
import { ask, call, eventually, type Running } from './processes.ts'
import { logOf, type Outcome, openStreet, type Paid, type Phone, type Sale, type Street, type Till } from './street.ts'

/**
 * A terminal dies by SIGKILL between sale and receipt, again and again, and starts on the folder that it left. What any
 * answer showed as approved is approved; what may have been paid is torn; and whoever taps again pays exactly once.
 * KILLS is how many times in all, SEED where and when the random ones fall.
 */

const each = 4
const fewest = (moments.length + 1) * each
const kills = Math.max(Number(process.env['KILLS'] ?? fewest + 6), fewest)
const seed = process.env['SEED'] ?? 'the same as last time'

/* ---- what is expected of each */

type Found = 'nothing' | 'torn' | 'approved'

/** What the terminal knows of the sale after a death at this moment. */
const leaves: Readonly<Record<Moment, Found>> = {
  'sale keyed': 'nothing',
  'field entered': 'nothing',
  'GET #1 answered': 'nothing',
  'deduction decided': 'nothing',
  'deduction on disk': 'torn',
  'PUT answered': 'torn',
  'GET #2 answered': 'torn',
  'payment opened': 'torn',
  'transaction on disk': 'approved',
  'receipt handed over': 'approved',
}
/** A death that comes from outside falls between this moment and the next, and the disk may be on either side. */
const leavesAfter = (passed: Moment | undefined): readonly Found[] => {
  if (passed === undefined) return ['nothing']
  const next = moments[moments.indexOf(passed) + 1] ?? passed
  return [leaves[passed], leaves[next]]
}

/** `on sight`: as soon as any answer shows the sale as paid. `at random`: at any time. Both come from outside. */
type When = Moment | 'on sight' | 'at random'
const isMoment = (when: When): when is Moment => when !== 'on sight' && when !== 'at random'

type Kill = {
  readonly at: When
  readonly amount: string
  readonly reference: string
}
type Killed = Kill & {
  readonly till: string
  readonly passed: Moment | undefined
  readonly found: Found
  /** An answer had shown the sale as approved before the end. */
  readonly shown: boolean
  readonly phoneSaid: string
}

const dice = (seed: string) => {
  let thrown = 0
  return (bound: number): number =>
    createHash('sha256').update(`${seed}\n${thrown++}`).digest().readUIntBE(0, 6) % Math.max(1, Math.round(bound))
}
const roll = dice(seed)

const plan = (): Kill[] => {
  const order = Array.from({ length: kills }, (_, place): When => {
    const when = Math.floor(place / each)
    return moments[when] ?? (when === moments.length ? 'on sight' : 'at random')
  })
  for (let last = order.length - 1; last > 0; last--) {
    const other = roll(last + 1)
    ;[order[last], order[other]] = [order[other] as When, order[last] as When]
  }
  return order.map((at, place) => ({
    at,
    amount: `${1 + roll(4)}.${String(roll(100)).padStart(2, '0')}`,
    reference: `sale ${place}`,
  }))
}

/* ---- a terminal that dies */

let street: Street
const killed: Killed[] = []

/** What this life of the terminal told of its moments, since it was armed last. */
const toldBy = new WeakMap<Running, { text: string; readonly ended: Promise<unknown> }>()
const listen = (life: Running) => {
  const stream = life.process.stdio[3] as Readable
  const told = { text: '', ended: new Promise(resolve => stream.once('close', resolve)) }
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    told.text += chunk
  })
  toldBy.set(life, told)
  return told
}
const arm = async (life: Running, at: When): Promise<void> => {
  const told = toldBy.get(life) ?? listen(life)
  told.text = ''
  life.process.send(at)
  await eventually(() => expect(told.text).toContain('armed\n'))
}
const lastWord = async (life: Running): Promise<Moment | undefined> => {
  const told = toldBy.get(life)
  await told?.ended
  return told?.text.split('armed\n').at(-1)?.trim().split('\n').filter(Boolean).at(-1) as Moment | undefined
}

/** Looks at the till again and again, until nobody answers; true if any answer showed the sale as paid. */
const watch = async (till: Till, sale: string, seen: () => void): Promise<boolean> => {
  for (let shown = false; ; )
    try {
      const screen = (await ask('GET', `${till.url}/api/till`)) as { sale: Sale | null; recent: { sale: string }[] }
      const paid = [screen.sale, ...screen.recent.map(one => ({ ...one, state: 'approved' }))]
      if (paid.some(one => one?.sale === sale && one.state === 'approved')) {
        shown = true
        seen()
      }
      await new Promise(resolve => setTimeout(resolve, 2))
    } catch {
      return shown
    }
}

const start = async (till: Till): Promise<void> => {
  await till.start()
  // Read back on the connection that appends: 2 is FULL.
  expect(
    till
      .running()
      .said()
      .match(/synchronous=\d/g),
  ).toEqual(['synchronous=2'])
  listen(till.running())
}

const nothingSaid = { outcome: 'declined', reason: 'NotTapped' } as const
const quietly = (outcome: Promise<Outcome>): Promise<Outcome> => outcome.catch(() => nothingSaid)

/** Keys, taps, dies; gives what is known of it. */
const die = async (till: Till, phone: Phone, kill: Kill, within_ms: number) => {
  const life = till.running()
  await arm(life, kill.at)
  const strike = () => life.signal('SIGKILL')
  if (kill.at === 'at random') setTimeout(strike, roll(within_ms * 1000) / 1000)
  // One that never comes to its end is ended, in a way that is not taken for the kill.
  const patience = setTimeout(() => life.signal('SIGABRT'), 10_000)
  const { reference } = kill
  const keyed = await till.key(kill.amount, { key: reference, reference }).catch(() => undefined)
  const [tapped, shown] = keyed
    ? await Promise.all([
        quietly(street.tap(phone, till)),
        watch(till, keyed.sale, kill.at === 'on sight' ? strike : () => {}),
      ])
    : [nothingSaid, false]
  const ended = await life.ended
  clearTimeout(patience)
  const passed = await lastWord(life)
  const here = [till.id, reference, kill.at, passed, tapped]
  expect([...here, ended]).toEqual([...here, { code: null, signal: 'SIGKILL' }])
  return { keyed, tapped, shown, passed }
}

const foundAt = async (till: Till, keyed: Sale | undefined): Promise<Found> => {
  if (!keyed) return 'nothing'
  const { status, body } = await till.sale(keyed.sale)
  if (status === 404) {
    expect(body).toMatchObject({ reason: 'SaleUnknown' })
    return 'nothing'
  }
  const shown = (await ask('GET', `${till.url}/api/till`)) as { torn: Sale[]; sale: Sale | null }
  const torn = shown.torn.map(({ sale }) => sale)
  expect([keyed.sale, body['state'], torn.includes(keyed.sale)]).toEqual([
    keyed.sale,
    expect.stringMatching(/^(torn|approved)$/),
    body['state'] === 'torn',
  ])
  if (body['state'] === 'torn') {
    // It is on disk that nobody knows, before anything is made of it.
    const [last] = (await logOf(till)).filter(({ data }) => (data as { sale?: string }).sale === keyed.sale).slice(-1)
    expect(last).toMatchObject({ type: 'TapTorn', data: { during: 'restart' } })
  }
  return body['state'] as Found
}

/** After the restart: whoever is not known to have paid taps again. */
const payOnce = async (
  till: Till,
  phone: Phone,
  { amount, reference }: Kill,
  keyed: Sale | undefined,
  found: Found,
) => {
  const before = await street.payments(phone)
  const told = { key: reference, reference }
  const sale = found === 'nothing' || !keyed ? await till.key(amount, told) : keyed
  const tapped = await street.tap(phone, till)
  // No sale waits where one was approved: the terminal asks the phone for nothing.
  if (found === 'approved') {
    expect(tapped).toMatchObject({ outcome: 'declined', reason: 'DeclinedByTerminal' })
    expect(await street.payments(phone)).toHaveLength(before.length)
  } else
    expect([reference, found, tapped]).toEqual([reference, found, expect.objectContaining({ outcome: 'paid', amount })])
  const approved = (await till.sale(sale.sale)).body
  expect(approved).toMatchObject({ sale: sale.sale, state: 'approved', amount, reference })
  // The same key gives the same sale, after the tap and after the restart.
  expect(await till.key(amount, told)).toEqual(approved)
  const other = await call(
    'POST',
    `${till.url}/api/sales`,
    { amount: '9.99', currency: 'EUR' },
    { 'idempotency-key': reference },
  )
  expect(other).toMatchObject({ status: 409, body: { reason: 'IdempotencyKeyReused' } })
}

/** How long an undisturbed sale takes from key to receipt, so that random deaths fall within one. */
const measure = async (till: Till, phone: Phone): Promise<number> => {
  const took: number[] = []
  for (let place = 0; place < 5; place++) {
    const began = performance.now()
    await till.key('0.10', { reference: `undisturbed ${till.id} ${place}` })
    expect(await street.tap(phone, till)).toMatchObject({ outcome: 'paid' })
    took.push(performance.now() - began)
  }
  return took.sort((a, b) => a - b)[2] as number
}

const live = async (till: Till, phones: readonly Phone[], mine: readonly Kill[]): Promise<void> => {
  const took_ms = await measure(till, phones[0] as Phone)
  for (const [place, kill] of mine.entries()) {
    const phone = phones[place % phones.length] as Phone
    const { keyed, tapped, shown, passed } = await die(till, phone, kill, took_ms * 1.2)
    await start(till)
    const found = await foundAt(till, keyed)
    killed.push({ ...kill, till: till.id, passed, found, shown, phoneSaid: tapped.outcome })
    const here = [till.id, kill.reference, kill.at, passed]
    if (isMoment(kill.at)) expect([...here, passed, found]).toEqual([...here, kill.at, leaves[kill.at]])
    else
      expect([...here, leavesAfter(passed).includes(found) ? 'as it must be' : found]).toEqual([
        ...here,
        'as it must be',
      ])
    if (shown || tapped.outcome === 'paid') expect([...here, found]).toEqual([...here, 'approved'])
    await payOnce(till, phone, kill, keyed, found)
  }
}

/* ---- the story */

/** Enough that none comes to its limit of payments between two meetings with the authority. */
const accounts = Array.from({ length: 2 * Math.max(2, Math.ceil(kills / 60)) }, (_, place) => `payer-${place + 1}`)

beforeAll(async () => {
  const main = 'test/machines/terminal-main.mjs'
  street = await openStreet({
    terminals: ['T-1', 'T-2'].map(id => ({ id, main, stdio: 'ipc and moments' as const })),
    accounts: accounts.map(account => ({ account, limit: '900.00', allowance: '300.00' })),
  })
})
beforeEach(({ onTestFailed }) => onTestFailed(() => console.log(street?.said())))
afterAll(() => street?.close())

const table = (): string => {
  const line = (...cells: readonly (string | number)[]) =>
    cells.map((cell, at) => String(cell).padEnd(at ? 12 : 24)).join('')
  const row = (name: string, of: readonly Killed[]) =>
    line(
      name,
      of.filter(({ at }) => isMoment(at)).length,
      of.filter(({ at }) => at === 'on sight').length,
      of.filter(({ at }) => at === 'at random').length,
      ...(['nothing', 'torn', 'approved'] as const).map(found => of.filter(one => one.found === found).length),
      of.filter(({ shown }) => shown).length,
    )
  return [
    line('killed at or after', 'at it', 'on sight', 'at random', 'unknown', 'torn', 'approved', 'seen approved'),
    row(
      '(before the sale)',
      killed.filter(({ passed }) => passed === undefined),
    ),
    ...moments.map(moment =>
      row(
        moment,
        killed.filter(({ passed }) => passed === moment),
      ),
    ),
    row('all', killed),
  ].join('\n')
}

it(
  `${kills} deaths between sale and receipt, each tapped again until it is paid`,
  async () => {
    const all = plan()
    // One terminal syncs as it goes, the other has no network until the end.
    await street.till(1).network(false)
    await Promise.all(
      street.tills.map((till, place) =>
        live(
          till,
          street.phones.filter((_, phone) => phone % 2 === place),
          all.filter((_, kill) => kill % 2 === place),
        ),
      ),
    )
    console.log(`seed: ${seed}\n${table()}`)
    expect(killed).toHaveLength(kills)
    expect(killed.filter(({ at, shown }) => at === 'on sight' && shown)).toHaveLength(each)
    for (const moment of moments)
      expect([moment, killed.filter(({ at }) => at === moment).length]).toEqual([moment, each])
  },
  kills * 10_000,
)

type Recorded = {
  readonly transaction: string
  readonly payment: string
  readonly amount: string
  readonly reference: string
  readonly receiptNumber: number
  readonly card: string
}
const recordedIn = (log: readonly Event[]): Recorded[] =>
  log.filter(({ type }) => type === 'TransactionRecorded').map(({ data }) => data as Recorded)
const major = (minor: string): string => `${minor.slice(0, -2) || '0'}.${minor.padStart(2, '0').slice(-2)}`

it('phones, tills and logs know the same payments, one by one', async () => {
  const remembered = new Map<string, Paid & { readonly card: string }>()
  for (const phone of street.phones)
    for (const paid of await street.payments(phone)) remembered.set(paid.transaction, { ...paid, card: phone.card })
  const inLogs: string[] = []
  for (const till of street.tills) {
    const recorded = recordedIn(await logOf(till))
    const references = recorded.map(({ reference }) => reference)
    expect(new Set(references).size).toBe(references.length)
    for (const { reference, amount, till: id } of killed)
      if (id === till.id)
        expect([reference, recorded.filter(one => one.reference === reference).map(one => major(one.amount))]).toEqual([
          reference,
          [amount],
        ])
    const { transactions } = (await ask('GET', `${till.url}/api/transactions`)) as { transactions: Recorded[] }
    expect(
      transactions
        .map(({ transaction, amount, payment, receiptNumber }) => ({ transaction, amount, payment, receiptNumber }))
        .reverse(),
    ).toEqual(
      recorded.map(({ transaction, amount, payment, receiptNumber }) => ({
        transaction,
        amount: major(amount),
        payment,
        receiptNumber,
      })),
    )
    for (const { transaction, payment, amount, card, receiptNumber } of recorded) {
      inLogs.push(transaction)
      const held = remembered.get(transaction)
      expect(held).toMatchObject({ payment, card, amount: major(amount) })
      // A receipt may be lost with the terminal; one that came is the right one.
      expect([transaction, held?.receipt ?? receiptNumber]).toEqual([transaction, receiptNumber])
    }
    const numbers = recorded.map(({ receiptNumber }) => receiptNumber)
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
  }
  expect([...remembered.keys()].sort()).toEqual(inLogs.sort())
  expect(inLogs).toHaveLength(kills + 10)
})

it('no deduction stays open', async () => {
  for (const till of street.tills) {
    const open = new Set<string>()
    for (const { type, data } of await logOf(till)) {
      const { transaction } = data as { transaction: string }
      if (type === 'DeductionRequested') open.add(transaction)
      if (type === 'TransactionRecorded' || type === 'TapResolved') open.delete(transaction)
    }
    expect([till.id, ...open]).toEqual([till.id])
    expect(await ask('GET', `${till.url}/api/till`)).toMatchObject({ torn: [] })
  }
})

it('and the centre, when all is synced, what each account owes', async () => {
  await street.till(1).network(true)
  for (const till of street.tills) {
    await till.sync()
    expect(await ask('GET', `${till.url}/api/health`)).toMatchObject({ waiting: { count: 0, sum: '0.00' } })
  }
  for (const phone of street.phones) {
    const spent = (await street.payments(phone)).reduce((sum, { amount }) => sum + BigInt(amount.replace('.', '')), 0n)
    await eventually(async () =>
      expect(await street.balance(phone.account)).toMatchObject({
        owed: major(`${spent}`),
        held: major(`${30_000n - spent}`),
        available: '600.00',
      }),
    )
  }
})

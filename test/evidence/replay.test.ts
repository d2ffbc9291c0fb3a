import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { base64url, fromBase64url } from '#canonical/bytes'
import type { Event } from '#canonical/event'
import type { EventStore, StoredEvent } from '#eventstore'
import { type ReplayLine, replayAccount, replayTransaction } from '#evidence/replay'
import { tacKeyOf } from '#license/tac'
import { flipped } from '../license/fixture.ts'
import { copyOf, rechained } from '../scenarios/hand.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/**
 * A replay of a log that someone had in hands. One bit turned over breaks a hash, and the event is named. Who computes
 * the chain anew gets as far as the first check that covers the bit.
 */
let world: World
let transaction: string
/** The terminal's events as the centre holds them. */
let terminal: readonly StoredEvent[]

beforeAll(async () => {
  world = await makeWorld({ seed: 'replay' })
  for (const minor of [300n, 1250n, 700n]) {
    orThrow(await world.key(minor))
    const tapped = await world.tap('anna')
    if (minor === 1250n) ({ transaction } = tapped as { transaction: string })
  }
  orThrow(await world.sync())
  terminal = world.log.events.filter(({ stream }) => stream === 'terminal-T-1')
})
afterAll(() => world.end())

const lines = async (store: EventStore): Promise<ReplayLine[]> => {
  const { keys, crypto } = world
  const tacKeyFor = ({ id }: { id: string }) => tacKeyOf(crypto, keys.tacMaster.key, id)
  const said: ReplayLine[] = []
  for await (const line of replayTransaction(crypto, store, transaction, {
    rootPublicKey: keys.root.publicKey,
    tacKeyFor,
  }))
    said.push(line)
  return said
}
/** How a replay ended: what it found, and the last check it made. */
const ending = async (store: EventStore) => {
  const said = await lines(store)
  const finding = said.at(-1)
  const last = said.findLast(line => line.line === 'check' || (line.line === 'event' && !line.check.pass))
  if (finding?.line !== 'finding' || (last?.line !== 'check' && last?.line !== 'event')) throw new Error('no finding')
  const { check, reason } = last.check
  return {
    holds: finding.holds,
    says: finding.says,
    check,
    ...(reason === undefined ? {} : { reason }),
    ...(last.check.expected === undefined ? {} : { expected: last.check.expected }),
  }
}

const eventOf = (type: string): StoredEvent =>
  terminal.find(stored => stored.type === type && stored.text.includes(transaction)) as StoredEvent

const verdictOf = (): StoredEvent =>
  world.log.events.find(({ type, text }) => type === 'PaymentAccepted' && text.includes(transaction)) as StoredEvent

type Alter = (data: Record<string, unknown>) => Record<string, unknown>
const octets =
  (field: string, alter: (octets: Uint8Array) => Uint8Array): Alter =>
  data => ({ ...data, [field]: base64url(alter(fromBase64url(data[field] as string))) })
const withData =
  (alter: Alter) =>
  (event: Event): Event => ({ ...event, data: alter(event.data as Record<string, unknown>) })

/** The text of an event with its data altered, and its hash left as it was. */
const inPlace = (stored: StoredEvent, alter: Alter): Map<string, string> => {
  const event = JSON.parse(stored.text) as Event<Record<string, unknown>>
  return new Map([[stored.id, JSON.stringify({ ...event, data: alter(event.data) })]])
}

it('of an honest log makes every check again and holds', async () => {
  const said = await lines(world.log)
  expect(said.at(-1)).toMatchObject({ line: 'finding', holds: true })
  const checks = said.flatMap(line => (line.line === 'check' ? [line.check.check] : []))
  expect(checks).toEqual([
    'status seal',
    'license structure',
    'license key',
    'license key purpose',
    'license key status',
    'license signature',
    'license start',
    'license end',
    'license currency',
    'license not denied',
    'deny list age',
    'policy age',
    'status card',
    'deduction signature',
    'payment seal',
    'payment signature',
    'payment structure',
    'payment transaction',
    'payment amount',
    'payment currency',
    'payment card',
    'payment license',
    'payment counter',
    'payment tap hash',
    'payment allowance',
    'payment TAC',
    'recorded payment',
    'signed head',
    'verdict amount',
  ])
  // Those that the terminal could make it made, and stored; the last four are the centre's and the reader's own.
  const stored = said.flatMap(line => (line.line === 'check' && line.stored === 'pass' ? [line.check.check] : []))
  expect(stored).toEqual(checks.filter(check => !['deduction signature', ...checks.slice(-4)].includes(check)))
  const postings = said.flatMap(line =>
    line.line === 'posting' ? [[line.posting.account, line.posting.side, line.posting.amount, line.balance]] : [],
  )
  // 3.00 before it: the payer's balance after it is 15.50, and the commitment is 200.00 − 15.50.
  expect(postings.filter(([account]) => /^(payer|commitment|fees|tax)/.test(String(account)))).toEqual([
    ['commitment:anna', 'debit', 1250n, '-184.50 EUR'],
    ['payer:anna', 'debit', 1250n, '15.50 EUR'],
    ['fees', 'credit', 19n, '-0.23 EUR'],
    ['tax', 'credit', 4n, '-0.05 EUR'],
  ])
})

describe('one bit turned over in a copy', () => {
  const places: readonly [string, string, string][] = [
    ['the license, in the answer to GET #1', 'TapStarted', 'getResponse'],
    ['the deduction, in PUT', 'DeductionRequested', 'put'],
    ['the sealed payment, in the answer to GET #2', 'PayloadDecrypted', 'response'],
  ]
  it.each(places)('%s: the event whose hash fails is named', async (_, type, field) => {
    const stored = eventOf(type)
    const size = fromBase64url((JSON.parse(stored.text) as Event<Record<string, string>>).data[field] ?? '').length
    expect(size).toBeGreaterThan(200)
    for (const at of [0, 1, Math.floor(size / 2), size - 1]) {
      const copy = await copyOf(
        world.log.events,
        inPlace(
          stored,
          octets(field, held => flipped(held, at)),
        ),
      )
      expect(await ending(copy)).toMatchObject({
        holds: false,
        check: 'event hash',
        reason: 'EventMalformed',
        expected: `terminal-T-1 ${stored.revision} ${type} as its maker wrote it`,
        says: `terminal-T-1 does not hold at revision ${stored.revision}.`,
      })
    }
  })

  it('in any character of any event of the terminal, the event is named', async () => {
    for (const stored of terminal)
      for (const at of [1, Math.floor(stored.text.length / 2), stored.text.length - 2]) {
        const text = Buffer.from(flipped(Buffer.from(stored.text), at, 0)).toString()
        const { says, holds } = await ending(await copyOf(world.log.events, new Map([[stored.id, text]])))
        expect({ says, holds }).toEqual({
          holds: false,
          says: `terminal-T-1 does not hold at revision ${stored.revision}.`,
        })
      }
  })

  it('with its own hash computed anew, the event after it no longer follows', async () => {
    for (const [type, next] of [
      ['TapStarted', 'LicenseVerified'],
      ['TransactionRecorded', 'TapStarted'],
    ] as const) {
      const stored = eventOf(type)
      const alter = withData(data => ({ ...data, amount: '1' }))
      const copy = await copyOf(world.log.events, rechained([stored], stored.id, alter))
      expect(await ending(copy)).toMatchObject({
        holds: false,
        check: 'chain',
        reason: 'ChainBroken',
        expected: expect.stringContaining(`terminal-T-1 ${stored.revision + 1} ${next} after `),
      })
    }
  })

  it('in the verdict, the verdict is named', async () => {
    const verdict = verdictOf()
    for (let at = 0; at < verdict.text.length; at += 23) {
      const text = Buffer.from(flipped(Buffer.from(verdict.text), at, 0)).toString()
      const copy = await copyOf(world.log.events, new Map([[verdict.id, text]]))
      const { holds, says } = await ending(copy)
      expect(holds).toBe(false)
      expect(says).toBe(`${verdict.stream} does not hold at revision 0.`)
    }
  })

  it('an account’s replay names it too, and gives no balance', async () => {
    const stored = eventOf('PayloadDecrypted')
    const copy = await copyOf(
      world.log.events,
      inPlace(
        stored,
        octets('response', held => flipped(held, 300)),
      ),
    )
    const said: ReplayLine[] = []
    for await (const line of replayAccount(world.crypto, copy, 'anna', {})) said.push(line)
    expect(said.at(-1)).toEqual({
      line: 'finding',
      holds: false,
      says: `terminal-T-1 does not hold at revision ${stored.revision}.`,
    })
    expect(said.some(({ line }) => line === 'balance')).toBe(false)
  })
})

describe('with the chain computed anew', () => {
  const altered = async (type: string, alter: (event: Event) => Event) =>
    ending(await copyOf(world.log.events, rechained(terminal, eventOf(type).id, alter)))

  it('and nothing altered, it holds', async () => {
    const nothing = rechained(terminal, '', event => event)
    expect(terminal.every(({ id, text }) => nothing.get(id) === text)).toBe(true)
  })

  /* What each octet of the three messages is covered by first. The NDEF header and the record's name stand before the
     record's content: 6 octets and the name, where the content is longer than 255. */
  const headOf = (name: string): number => 6 + `tallystick.dev:${name}`.length
  const bits: readonly [what: string, type: string, field: string, at: number, check: string, reason: string][] = [
    ['GET #1: the NDEF header', 'TapStarted', 'getResponse', 0, 'status structure', 'StatusMalformed'],
    ['GET #1: the length of the content', 'TapStarted', 'getResponse', 4, 'status structure', 'StatusMalformed'],
    ['GET #1: the record’s name', 'TapStarted', 'getResponse', 8, 'status structure', 'StatusMalformed'],
    [
      'GET #1: the sealed license, its key',
      'TapStarted',
      'getResponse',
      headOf('sealed') + 7,
      'status seal',
      'StatusSealInvalid',
    ],
    [
      'GET #1: the sealed license, its octets',
      'TapStarted',
      'getResponse',
      headOf('sealed') + 100,
      'status seal',
      'StatusSealInvalid',
    ],
    ['GET #1: the sealed license, its tag', 'TapStarted', 'getResponse', -1, 'status seal', 'StatusSealInvalid'],
    ['GET #1 as it was asked', 'TapStarted', 'getRequest', 50, 'status seal', 'StatusSealInvalid'],
    ['PUT: the NDEF header', 'DeductionRequested', 'put', 0, 'deduction signature', 'DeductionForeign'],
    ['PUT: the record’s name', 'DeductionRequested', 'put', 8, 'deduction signature', 'DeductionForeign'],
    [
      'PUT: what was asked',
      'DeductionRequested',
      'put',
      headOf('deduction') + 60,
      'deduction signature',
      'DeductionForeign',
    ],
    ['PUT: the signature', 'DeductionRequested', 'put', -1, 'deduction signature', 'DeductionForeign'],
    ['GET #2: the NDEF header', 'PayloadDecrypted', 'response', 0, 'payment structure', 'PaymentMalformed'],
    ['GET #2: the record’s name', 'PayloadDecrypted', 'response', 8, 'payment structure', 'PaymentMalformed'],
    [
      'GET #2: the sealed payment, its key',
      'PayloadDecrypted',
      'response',
      headOf('payment') + 7,
      'payment seal',
      'SealInvalid',
    ],
    [
      'GET #2: the sealed payment, its octets',
      'PayloadDecrypted',
      'response',
      headOf('payment') + 100,
      'payment seal',
      'SealInvalid',
    ],
    ['GET #2: the sealed payment, its tag', 'PayloadDecrypted', 'response', -1, 'payment seal', 'SealInvalid'],
  ]
  it.each(bits)('%s', async (_, type, field, at, check, reason) => {
    const place = (held: Uint8Array) => (at < 0 ? held.length + at : at)
    const alter = withData(octets(field, held => flipped(held, place(held), 0)))
    expect(await altered(type, alter)).toMatchObject({ holds: false, check, reason })
  })

  it('one bit in every eleventh octet of the three messages stops it', async () => {
    const stops = new Set<string>()
    for (const [type, field] of [
      ['TapStarted', 'getResponse'],
      ['DeductionRequested', 'put'],
      ['PayloadDecrypted', 'response'],
    ] as const) {
      const { data } = JSON.parse(eventOf(type).text) as Event<Record<string, string>>
      for (let at = 0; at < fromBase64url(data[field] ?? '').length; at += 11) {
        const found = await altered(type, withData(octets(field, held => flipped(held, at))))
        expect([type, at, found.holds]).toEqual([type, at, false])
        stops.add(found.check)
      }
    }
    expect([...stops].toSorted()).toEqual([
      'deduction signature',
      'payment seal',
      'payment structure',
      'status seal',
      'status structure',
    ])
  })

  /* A record's name may be written in either case, and of the answer to GET #2 nobody signed the frame: only the head
     that the terminal signed when it sent the batch covers that bit. */
  const fields: readonly [what: string, type: string, alter: (event: Event) => Event, check: string, reason: string][] =
    [
      [
        'an amount in the record',
        'TransactionRecorded',
        withData(data => ({ ...data, amount: '1350' })),
        'recorded payment',
        'PaymentMismatch',
      ],
      [
        'the payment hash in the record',
        'TransactionRecorded',
        withData(data => ({ ...data, payment: 'a'.repeat(64) })),
        'recorded payment',
        'PaymentMismatch',
      ],
      [
        'an amount in the deduction',
        'DeductionRequested',
        withData(data => ({ ...data, amount: '1350' })),
        'deduction signature',
        'DeductionForeign',
      ],
      [
        'the counter that was asked',
        'DeductionRequested',
        withData(data => ({ ...data, counter: 9 })),
        'payment counter',
        'CounterMismatch',
      ],
      [
        'the allowance before',
        'LicenseVerified',
        withData(data => ({ ...data, allowanceBefore: '99999' })),
        'payment allowance',
        'AllowanceMismatch',
      ],
      [
        'the tap’s sealing key',
        'TapStarted',
        withData(data => ({ ...data, sealing: { publicKey: 'AA', privateKey: 'AA' } })),
        'status seal',
        'StatusSealInvalid',
      ],
      [
        'the hour of the tap, two years on',
        'TapStarted',
        event => ({ ...event, at: '2028-11-23T09:00:00.000Z' }),
        'license end',
        'LicenseExpired',
      ],
      [
        'the receipt number',
        'TransactionRecorded',
        withData(data => ({ ...data, receiptNumber: 77 })),
        'signed head',
        'HeadMismatch',
      ],
      [
        'when it occurred',
        'TransactionRecorded',
        withData(data => ({ ...data, occurred: '2026-11-20T09:00:00.000Z' })),
        'signed head',
        'HeadMismatch',
      ],
      [
        'whose card',
        'TransactionRecorded',
        withData(data => ({ ...data, card: '9000000000000000001' })),
        'signed head',
        'HeadMismatch',
      ],
      [
        'the amount keyed',
        'TapStarted',
        withData(data => ({ ...data, amount: '1350' })),
        'signed head',
        'HeadMismatch',
      ],
      [
        'a stored result',
        'LicenseVerified',
        withData(data => ({ ...data, checks: [] })),
        'signed head',
        'HeadMismatch',
      ],
      [
        'the case of a record’s name',
        'PayloadDecrypted',
        withData(octets('response', held => flipped(held, 6, 5))),
        'signed head',
        'HeadMismatch',
      ],
    ]
  it.each(fields)('%s', async (_, type, alter, check, reason) =>
    expect(await altered(type, alter)).toMatchObject({ holds: false, check, reason }),
  )

  it('the rules that were in force', async () => {
    const adopted = terminal.find(({ type }) => type === 'RulesAdopted') as StoredEvent
    const alter = withData(data => {
      const policy = data['policy'] as { document: string }
      const document = base64url(flipped(fromBase64url(policy.document), 40))
      return { ...data, policy: { ...policy, document } }
    })
    const copy = await copyOf(world.log.events, rechained(terminal, adopted.id, alter))
    expect(await ending(copy)).toMatchObject({ holds: false, check: 'license key', reason: 'LicenseKeyUnknown' })
  })

  it('the batch’s signature left out, or another’s', async () => {
    const accepted = world.log.events.find(({ type }) => type === 'BatchAccepted') as StoredEvent
    const intake = world.log.events.filter(({ stream }) => stream === accepted.stream)
    const alter = withData(octets('statement', held => flipped(held, held.length - 1)))
    const copy = await copyOf(world.log.events, rechained(intake, accepted.id, alter))
    expect(await ending(copy)).toMatchObject({ holds: false, check: 'signed head', reason: 'BatchSignatureInvalid' })
    const without = await copyOf(world.log.events.filter(({ stream }) => stream !== accepted.stream))
    expect(await ending(without)).toMatchObject({ holds: false, check: 'signed head', reason: 'BatchMissing' })
  })
})

describe('with the centre’s own chain computed anew', () => {
  it('a verdict over another amount than the phone signed is named', async () => {
    const verdict = verdictOf()
    const alter = withData(data => ({ ...data, gross: '1350', within: '1350' }))
    const copy = await copyOf(world.log.events, rechained([verdict], verdict.id, alter))
    expect(await ending(copy)).toMatchObject({ holds: false, check: 'verdict amount', reason: 'AmountMismatch' })
  })
})

describe('under another root key', () => {
  it('nothing holds: the rules were not signed by it', async () => {
    const { publicKey } = world.crypto.keyPair('P-256')
    const said: ReplayLine[] = []
    for await (const line of replayTransaction(world.crypto, world.log, transaction, { rootPublicKey: publicKey }))
      said.push(line)
    expect(said.at(-1)).toMatchObject({ line: 'finding', holds: false })
    expect(said.at(-2)).toMatchObject({ line: 'check', check: { check: 'license key', reason: 'LicenseKeyUnknown' } })
  })
})

it('of a transaction that no log names is refused with the reason', async () => {
  const none = async () => {
    for await (const _ of replayTransaction(world.crypto, world.log, 'f'.repeat(32))) throw new Error('a line')
  }
  await expect(none()).rejects.toMatchObject({ code: 'NothingToReplay' })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRefusal } from '#canonical/decider'
import type { Policy } from '#license/rules'
import { decide, evolve } from '#till'
import type { LicenseFacts, TillCommand } from '#till/commands'
import { type TillEvent, tillWords } from '#till/events'
import { acknowledge, emptyTill, type Till, waitingOf } from '#till/state'
import { deciding, refused } from '../given.ts'
import { eur, frames, id, now_ms, occurred, phone, policy, start, today } from './sales.ts'
import { tillAfter, tillDecider } from './tills.ts'

const sha = (digit: string): string => digit.repeat(64)

const given = deciding(tillDecider, tillWords)

/* ------------------------------------------------------------------ facts */

const commission = {
  terminal: 'T-1',
  merchant: 'm-1',
  merchantName: 'Corner & Co.',
  shop: 's-1',
  mode: 'test',
  certificate: 'Y2VydA',
} as const
const commissioned: TillEvent = { type: 'TerminalCommissioned', data: commission }
const rulesOf = (policy: number, denyList = policy, keySet = 1) => {
  const document = (version: number) => ({ version, hash: sha(`${version}`), document: 'cnVsZXM' })
  return { policy: document(policy), denyList: document(denyList), keySet: document(keySet) }
}
const adopted = (policy: number, denyList = policy): TillEvent => ({
  type: 'RulesAdopted',
  data: rulesOf(policy, denyList),
})
const dayOpened: TillEvent = { type: 'DayOpened', data: { businessDate: today } }
const dayClosed = (receiptNumber: number): TillEvent => ({
  type: 'DayClosed',
  data: {
    receiptNumber,
    businessDate: today,
    currency: 'EUR',
    totals: tillAfter(dayOpened).day?.totals as never,
    firstRevision: 0,
    lastRevision: 0,
    head: sha('a'),
  },
})

type Sold = { readonly transaction?: string; readonly sale?: string; readonly license?: string; readonly tap?: number }
const minor = (gross: bigint) => ({ amount: gross.toString(), currency: 'EUR' })
const put = 'UFVU'

const tapStarted = (word: string, gross: bigint, { sale = `sale ${word}`, tap = 1 }: Sold = {}): TillEvent => ({
  type: 'TapStarted',
  data: { tap, transaction: id(word), sale, ...minor(gross), ...frames },
})
const verified = (word: string, { license = 'license 1', tap = 1 }: Sold = {}): TillEvent => ({
  type: 'LicenseVerified',
  data: { tap, transaction: id(word), license, card: 'card 1', allowanceBefore: '20000', checks: [] },
})
const requested = (word: string, gross: bigint, sold: Sold = {}, resent = false): TillEvent => {
  const { sale = `sale ${word}`, license = 'license 1', tap = 1 } = sold
  return {
    type: 'DeductionRequested',
    data: { tap, transaction: id(word), sale, license, counter: 1, ...minor(gross), put, resent },
  }
}
const asked = (word: string, gross: bigint, sold: Sold = {}): TillEvent[] => [
  tapStarted(word, gross, sold),
  verified(word, sold),
  requested(word, gross, sold),
]
const opened = (word: string, { tap = 1 }: Sold = {}, sealedIn = tap): TillEvent => ({
  type: 'PayloadDecrypted',
  data: {
    tap,
    transaction: id(word),
    payment: sha('b'),
    sealedIn,
    response: 'UEFJRA',
    checks: [],
    roundTrip_ms: 40,
  },
})
const recorded = (word: string, gross: bigint, receiptNumber: number, sold: Sold = {}): TillEvent => {
  const { sale = `sale ${word}`, license = 'license 1' } = sold
  return {
    type: 'TransactionRecorded',
    data: {
      transaction: id(word),
      sale,
      receiptNumber,
      businessDate: today,
      ...minor(gross),
      card: 'card 1',
      license,
      counter: 1,
      payment: sha('b'),
      allowanceLeft: '1000',
      occurred,
    },
  }
}
const paid = (word: string, gross: bigint, receiptNumber: number, sold: Sold = {}): TillEvent[] => [
  ...asked(word, gross, sold),
  opened(word, sold),
  recorded(word, gross, receiptNumber, sold),
]
const torn = (word: string, tap = 1, during = 'PUT'): TillEvent => ({
  type: 'TapTorn',
  data: { tap, transaction: id(word), sale: `sale ${word}`, during },
})
const resolved = (word: string, outcome: 'paid' | 'abandoned'): TillEvent => ({
  type: 'TapResolved',
  data: { transaction: id(word), sale: `sale ${word}`, outcome },
})
const declinedAs = (word: string, gross: bigint, receiptNumber: number, reason: string): TillEvent => ({
  type: 'TransactionDeclined',
  data: {
    sale: `sale ${word}`,
    transaction: id(word),
    reason,
    message: 'Not today.',
    receiptNumber,
    businessDate: today,
    ...minor(gross),
  },
})
const reversed = (
  type: 'TransactionVoided' | 'RefundRecorded',
  reversal: string,
  word: string,
  gross: bigint,
  receiptNumber: number,
): TillEvent => ({
  type,
  data: {
    reversal,
    transaction: id(word),
    payment: sha('b'),
    license: 'license 1',
    receiptNumber,
    businessDate: today,
    ...minor(gross),
    occurred,
  },
})

/* --------------------------------------------------------------- commands */

/** Nothing bites, so that a test tightens the one thing it is about. */
const loose: Policy = {
  ...policy,
  perTransaction: eur(1_000_000n),
  sinceSeen: { count: 100, sum: eur(1_000_000n) },
  perKeyOnTerminal: eur(1_000_000n),
  stored: { count: 100, sum: eur(1_000_000n) },
}
/** A phone that nothing holds back either. */
const licensed: LicenseFacts = {
  ...phone,
  license: 'license 1',
  perTransaction: eur(1_000_000n),
  consecutive: 100,
}
type Asking = {
  readonly policy?: Partial<Policy> | null
  readonly license?: Partial<LicenseFacts>
  readonly hours?: number | null
  readonly currency?: string
}
const ask = (word: string, gross: bigint, { policy = {}, license = {}, hours = 0, currency = 'EUR' }: Asking = {}) => {
  const begun = start(word, gross)
  return {
    type: 'RequestDeduction',
    start: { ...begun, sale: { ...begun.sale, currency } },
    checks: [],
    license: { ...licensed, ...license },
    put,
    policy: policy === null ? undefined : { ...loose, ...policy },
    clock: { now_ms, lastSync_ms: hours === null ? undefined : now_ms - hours * 3_600_000 },
  } satisfies TillCommand
}
const clock = { now_ms, lastSync_ms: now_ms }
const record = (word: string, tap = 1, sealedIn = tap) =>
  ({
    type: 'RecordTap',
    transaction: id(word),
    tap,
    sealedIn,
    response: 'UEFJRA',
    payment: sha('b'),
    allowanceLeft: eur(1000n),
    checks: [],
    roundTrip_ms: 40,
    occurred,
  }) satisfies TillCommand
const voiding = (reversal: string, word: string) =>
  ({ type: 'VoidTransaction', reversal, transaction: id(word), occurred }) satisfies TillCommand
const refund = (reversal: string, word: string, gross: bigint) =>
  ({ type: 'RefundTransaction', reversal, transaction: id(word), amount: eur(gross), occurred }) satisfies TillCommand
const closing = { type: 'CloseDay', currency: 'EUR', revision: 7, head: sha('c') } satisfies TillCommand

/* ------------------------------------------------------------------ tests */

describe('life', () => {
  it('is commissioned once', () => {
    given()
      .when({ type: 'Commission', ...commission })
      .then(commissioned)
    given(commissioned)
      .when({ type: 'Commission', ...commission })
      .then()
  })

  it('adopts rules, and the same rules once', () => {
    given(commissioned)
      .when({ type: 'AdoptRules', ...rulesOf(1) })
      .then(adopted(1))
    given(adopted(1))
      .when({ type: 'AdoptRules', ...rulesOf(1) })
      .then()
    given(adopted(1))
      .when({ type: 'AdoptRules', ...rulesOf(2) })
      .then(adopted(2))
  })

  it.each([
    ['policy', rulesOf(1, 2)],
    ['denyList', rulesOf(2, 1)],
    ['keySet', rulesOf(2, 2, 0)],
  ] as const)('a version never goes down: %s', (kind, rules) =>
    given(adopted(2))
      .when({ type: 'AdoptRules', ...rules })
      .then(refused('RulesWentBack', { kind })),
  )

  it('opens a day, closes it with a record of its own, and opens the next', () => {
    given().when({ type: 'OpenDay', businessDate: today, today }).then(dayOpened)
    given(dayOpened)
      .when(closing)
      .then({
        type: 'DayClosed',
        data: {
          receiptNumber: 1,
          businessDate: today,
          currency: 'EUR',
          totals: {
            sales: { count: 0, sum: '0' },
            voids: { count: 0, sum: '0' },
            refunds: { count: 0, sum: '0' },
            declined: { count: 0, sum: '0' },
            torn: { count: 0, sum: '0' },
          },
          firstRevision: 0,
          lastRevision: 7,
          head: sha('c'),
          zNumber: 1,
          grandTotal: { sales: '0', voids: '0', refunds: '0' },
        },
      })
    given(dayOpened, dayClosed(1))
      .when({ type: 'OpenDay', businessDate: '2026-11-24', today })
      .then({ type: 'DayOpened', data: { businessDate: '2026-11-24' } })
  })

  it('the same day is opened once', () => given(dayOpened).when({ type: 'OpenDay', businessDate: today, today }).then())
  it('a day still open stands in the way of the next', () =>
    given(dayOpened)
      .when({ type: 'OpenDay', businessDate: '2026-11-24', today })
      .then(refused('DayStillOpen', { businessDate: today })))
  it('a day beyond tomorrow is refused: it would shut the till until then', () =>
    given().when({ type: 'OpenDay', businessDate: '2030-01-01', today }).then(refused('DayInTheFuture', { today })))
  it('a day before the last one is refused', () =>
    given(dayOpened, dayClosed(1))
      .when({ type: 'OpenDay', businessDate: '2026-11-22', today })
      .then(refused('DayInThePast', { lastDay: today })))
  it('no day, nothing to close', () => given().when(closing).then(refused('DayNotOpen')))
  it('a torn tap keeps the day open, for it may have been paid', () =>
    given(dayOpened, ...asked('a', 1250n), torn('a'))
      .when(closing)
      .then(refused('TapUnresolved', { sale: 'sale a', transaction: id('a') })))
})

describe('a tap', () => {
  it('is asked for in one append of three', () =>
    given(dayOpened)
      .when(ask('a', 1250n))
      .then(...asked('a', 1250n)))

  it('carries what the cashier keyed', () => {
    const asking = ask('a', 1250n)
    const keyed = { ...asking.start.sale, reference: 'table 4', idempotencyKey: 'key 1' }
    const [begun] = given(dayOpened).when({ ...asking, start: { ...asking.start, sale: keyed } }).said as TillEvent[]
    expect(begun?.data).toMatchObject({ reference: 'table 4', idempotencyKey: 'key 1' })
    const till = tillAfter(dayOpened, begun as TillEvent)
    expect(till.saleByKey.get('key 1')).toBe('sale a')
    expect(till.sales.get('sale a')).toMatchObject({ state: 'tapping', reference: 'table 4', amount: 1250n })
  })

  it('is recorded in one append of two', () =>
    given(dayOpened, ...asked('a', 1250n))
      .when(record('a'))
      .then(opened('a'), recorded('a', 1250n, 1)))

  it('asked twice is recorded once, and the money of it is asked for once', () => {
    given(dayOpened, ...paid('a', 1250n, 1))
      .when(record('a'))
      .then()
    given(dayOpened, ...paid('a', 1250n, 1))
      .when(ask('a', 1250n))
      .then()
  })

  it('that was never asked for is not recorded', () =>
    given(dayOpened)
      .when(record('a'))
      .then(refused('DeductionNotOpen', { transaction: id('a') })))

  it('abandoned is final: the payment is never recorded', () =>
    given(dayOpened, ...asked('a', 1250n), torn('a'), resolved('a', 'abandoned'))
      .when(record('a'))
      .then(refused('DeductionNotOpen')))

  it('with a license that does not hold leaves the rejection and a declined record', () =>
    given(dayOpened)
      .when({
        type: 'DeclineTap',
        start: start('a', 1250n),
        checks: [],
        reason: 'LicenseExpired',
        message: 'Not today.',
      })
      .then(
        tapStarted('a', 1250n),
        {
          type: 'LicenseRejected',
          data: { tap: 1, transaction: id('a'), reason: 'LicenseExpired', checks: [] },
        },
        declinedAs('a', 1250n, 1, 'LicenseExpired'),
      ))

  it('over a limit leaves the verified license and a declined record', () => {
    const { license, card, allowanceLeft } = licensed
    const who = { license, card, allowanceLeft }
    given(dayOpened)
      .when({
        type: 'DeclineTap',
        start: start('a', 1250n),
        checks: [],
        license: who,
        reason: 'FloorLimitExceeded',
        message: 'Not today.',
      })
      .then(tapStarted('a', 1250n), verified('a'), declinedAs('a', 1250n, 1, 'FloorLimitExceeded'))
  })

  it('declined outside any day is a record of the last one', () => {
    const [, , declined] = given(dayOpened, dayClosed(1)).when({
      type: 'DeclineTap',
      start: start('a', 1250n),
      checks: [],
      reason: 'DayNotOpen',
      message: 'Not today.',
    }).said as TillEvent[]
    expect(declined?.data).toMatchObject({ businessDate: today, receiptNumber: 2 })
  })

  it('with a payment that does not hold is rejected with its octets, abandoned and declined', () => {
    const rejection = {
      type: 'RejectPayload',
      transaction: id('a'),
      tap: 1,
      response: 'TElF',
      checks: [],
      reason: 'AmountMismatch',
      message: 'Not today.',
    } satisfies TillCommand
    given(dayOpened, ...asked('a', 1250n))
      .when(rejection)
      .then(
        {
          type: 'PayloadRejected',
          data: { tap: 1, transaction: id('a'), reason: 'AmountMismatch', response: 'TElF', checks: [] },
        },
        resolved('a', 'abandoned'),
        declinedAs('a', 1250n, 1, 'AmountMismatch'),
      )
    given(dayOpened).when(rejection).then(refused('DeductionNotOpen'))
  })

  it('declined by the phone is abandoned and declined', () => {
    const decline = {
      type: 'AcceptDecline',
      transaction: id('a'),
      reason: 'HolderRefused',
      message: 'Not today.',
    } satisfies TillCommand
    given(dayOpened, ...asked('a', 1250n))
      .when(decline)
      .then(resolved('a', 'abandoned'), declinedAs('a', 1250n, 1, 'HolderRefused'))
    given(dayOpened, ...paid('a', 1250n, 1))
      .when(decline)
      .then(refused('DeductionNotOpen'))
  })
})

describe('a torn tap', () => {
  const { sealing, getRequest, getResponse } = frames
  const tear = { type: 'TearTap', transaction: id('a'), tap: 1, during: 'PUT' } satisfies TillCommand

  it('is torn once', () => {
    given(dayOpened, ...asked('a', 1250n))
      .when(tear)
      .then(torn('a'))
    given(dayOpened, ...asked('a', 1250n), torn('a'))
      .when(tear)
      .then()
  })
  it('that was paid is none', () =>
    given(dayOpened, ...paid('a', 1250n, 1))
      .when(tear)
      .then())

  it('is asked again, sent the same PUT again, and paid: resolved', () => {
    const { license, card, allowanceLeft } = licensed
    const again = start('a', 1250n, { tap: 2 })
    const past = [dayOpened, ...asked('a', 1250n), torn('a')]
    given(...past)
      .when({ type: 'AskAgain', start: again, checks: [], license: { license, card, allowanceLeft } })
      .then(tapStarted('a', 1250n, { tap: 2 }), verified('a', { tap: 2 }))
    past.push(tapStarted('a', 1250n, { tap: 2 }), verified('a', { tap: 2 }))
    given(...past)
      .when({ type: 'ResendDeduction', transaction: id('a'), tap: 2, clock })
      .then(requested('a', 1250n, { tap: 2 }, true))
    past.push(requested('a', 1250n, { tap: 2 }, true))
    given(...past)
      .when(record('a', 2))
      .then(opened('a', { tap: 2 }), recorded('a', 1250n, 1), resolved('a', 'paid'))
    expect(tillAfter(...past).open.get(id('a'))?.attempts).toEqual([
      { tap: 1, sealing, getRequest, getResponse, put },
      { tap: 2, sealing, getRequest, getResponse, put },
    ])
  })

  it('keeps the allowance that the phone showed first: a phone that paid shows less the second time', () => {
    const less: TillEvent = {
      type: 'LicenseVerified',
      data: {
        tap: 2,
        transaction: id('a'),
        license: 'license 1',
        card: 'card 1',
        allowanceBefore: '18750',
        checks: [],
      },
    }
    const again = [tapStarted('a', 1250n, { tap: 2 }), less, requested('a', 1250n, { tap: 2 }, true)]
    expect(tillAfter(dayOpened, ...asked('a', 1250n), torn('a'), ...again).open.get(id('a'))?.allowanceBefore).toBe(
      20_000n,
    )
  })

  it('nobody began is not sent again', () =>
    given(dayOpened)
      .when({ type: 'ResendDeduction', transaction: id('a'), tap: 2, clock })
      .then(refused('DeductionNotOpen')))

  it('is abandoned with its sale', () =>
    given(dayOpened, ...asked('a', 1250n), torn('a'))
      .when({ type: 'AbandonSale', sale: 'sale a' })
      .then(resolved('a', 'abandoned')))
  it('abandoned again is abandoned once', () =>
    given(dayOpened, ...asked('a', 1250n), torn('a'), resolved('a', 'abandoned'))
      .when({ type: 'AbandonSale', sale: 'sale a' })
      .then())
  it('a sale that nobody tapped has nothing to abandon', () =>
    given(dayOpened).when({ type: 'AbandonSale', sale: 'sale a' }).then())
  it('a paid sale is not abandoned', () =>
    given(dayOpened, ...paid('a', 1250n, 1))
      .when({ type: 'AbandonSale', sale: 'sale a' })
      .then(refused('SaleApproved', { transaction: id('a') })))

  it('shows: asked, torn, tapped again, paid', () => {
    const states = (past: readonly TillEvent[]) =>
      past.map((_, place) => tillAfter(...past.slice(0, place + 1)).sales.get('sale a')?.state)
    expect(
      states([
        ...asked('a', 1250n),
        torn('a'),
        tapStarted('a', 1250n, { tap: 2 }),
        opened('a', { tap: 2 }, 1),
        recorded('a', 1250n, 1),
        resolved('a', 'paid'),
      ]),
    ).toEqual(['tapping', 'tapping', 'tapping', 'torn', 'tapping', 'tapping', 'approved', 'approved'])
    expect(states([...asked('a', 1250n), torn('a'), resolved('a', 'abandoned')]).at(-1)).toBe('cancelled')
  })
})

describe('the limits, to the last cent', () => {
  type Limit = readonly [
    reason: string,
    past: readonly TillEvent[],
    atTheLimit: TillCommand,
    beyond: TillCommand,
    figures: object,
  ]
  /** This phone paid 40.00 here before, and says so. */
  const after40: Partial<LicenseFacts> = { allowanceLeft: eur(16_000n) }
  const tenThousand = [...paid('p', 4_000n, 1), ...paid('q', 6_000n, 2, { license: 'license 2' })]
  const limits: readonly Limit[] = [
    [
      'AllowanceExceeded',
      [],
      ask('a', 800n, { license: { allowanceLeft: eur(800n) } }),
      ask('a', 801n, { license: { allowanceLeft: eur(800n) } }),
      { allowanceLeft: '8.00' },
    ],
    [
      // The license allows 200.00, and 40.00 of it were spent here: whoever says otherwise is not believed.
      'StatusImplausible',
      tenThousand,
      ask('a', 1n, { license: after40 }),
      ask('a', 1n, { license: { allowanceLeft: eur(16_001n) } }),
      { allowanceLeft: '160.01' },
    ],
    [
      'StatusImplausible',
      [],
      ask('a', 1n, { license: { counterAtIssue: 10, counter: 10 } }),
      ask('a', 1n, { license: { counterAtIssue: 10, counter: 9 } }),
      {},
    ],
    [
      'TransactionLimitExceeded',
      [],
      ask('a', 800n, { policy: { perTransaction: eur(800n) } }),
      ask('a', 801n, { policy: { perTransaction: eur(800n) } }),
      { max: '8.00' },
    ],
    [
      // The license's own limit, where it is the lower one.
      'TransactionLimitExceeded',
      [],
      ask('a', 700n, { policy: { perTransaction: eur(800n) }, license: { perTransaction: eur(700n) } }),
      ask('a', 701n, { policy: { perTransaction: eur(800n) }, license: { perTransaction: eur(700n) } }),
      { max: '7.00' },
    ],
    [
      // The license says three in a row: 12 − 10 were made, 13 − 10 were made.
      'OfflineCountExceeded',
      [],
      ask('a', 1n, { license: { consecutive: 3, counterAtIssue: 10, counter: 12 } }),
      ask('a', 1n, { license: { consecutive: 3, counterAtIssue: 10, counter: 13 } }),
      { count: 3 },
    ],
    [
      'OfflineCountExceeded',
      [],
      ask('a', 1n, { policy: { sinceSeen: { count: 2, sum: eur(1_000_000n) } }, license: { counter: 1 } }),
      ask('a', 1n, { policy: { sinceSeen: { count: 2, sum: eur(1_000_000n) } }, license: { counter: 2 } }),
      { count: 2 },
    ],
    [
      // 200.00 at issue and 150.00 left: 50.00 are spent, and 60.00 may be.
      'OfflineSumExceeded',
      [],
      ask('a', 1_000n, {
        policy: { sinceSeen: { count: 9, sum: eur(6_000n) } },
        license: { allowanceLeft: eur(15_000n) },
      }),
      ask('a', 1_001n, {
        policy: { sinceSeen: { count: 9, sum: eur(6_000n) } },
        license: { allowanceLeft: eur(15_000n) },
      }),
      { spent: '50.00' },
    ],
    [
      // What other phones paid here is none of this one's.
      'FloorLimitExceeded',
      tenThousand,
      ask('a', 1_000n, { policy: { perKeyOnTerminal: eur(5_000n) }, license: after40 }),
      ask('a', 1_001n, { policy: { perKeyOnTerminal: eur(5_000n) }, license: after40 }),
      { here: '40.00' },
    ],
    [
      'StoredCountExceeded',
      tenThousand,
      ask('a', 1n, { policy: { stored: { count: 3, sum: eur(1_000_000n) } }, license: after40 }),
      ask('a', 1n, { policy: { stored: { count: 2, sum: eur(1_000_000n) } }, license: after40 }),
      { stored: 2 },
    ],
    [
      'StoredSumExceeded',
      tenThousand,
      ask('a', 500n, { policy: { stored: { count: 9, sum: eur(10_500n) } }, license: after40 }),
      ask('a', 501n, { policy: { stored: { count: 9, sum: eur(10_500n) } }, license: after40 }),
      { stored: '100.00' },
    ],
    ['SyncTooLongAgo', [], ask('a', 1n, { hours: 72 }), ask('a', 1n, { hours: 72.001 }), { max_hours: 72 }],
    ['SyncTooLongAgo', [], ask('a', 1n, { hours: 0 }), ask('a', 1n, { hours: null }), { max_hours: 72 }],
    ['PolicyMissing', [], ask('a', 1n), ask('a', 1n, { policy: null }), {}],
    ['CurrencyMismatch', [], ask('a', 1n), ask('a', 1n, { currency: 'CHF' }), {}],
  ]
  it.each(limits)('%s', (reason, past, atTheLimit, beyond, figures) => {
    expect(given(dayOpened, ...past).when(atTheLimit).said).toHaveLength(3)
    given(dayOpened, ...past)
      .when(beyond)
      .then(refused(reason, { ...figures }))
  })

  it('DayNotOpen: before the first day, and between two', () => {
    given().when(ask('a', 1n)).then(refused('DayNotOpen'))
    given(dayOpened, dayClosed(1)).when(ask('a', 1n)).then(refused('DayNotOpen'))
  })

  it('what the centre acknowledged waits no more', () => {
    const past = [dayOpened, ...tenThousand]
    const till = tillAfter(...past)
    expect(waitingOf(till)).toEqual({ count: 2, sum: 10_000n })
    const tight = ask('a', 1n, { policy: { stored: { count: 2, sum: eur(1_000_000n) } }, license: after40 })
    expect(decide(tight, till)).toMatchObject({ reason: 'StoredCountExceeded' })
    // Up to and with the first record: dayOpened 0, three of the asking, opened 4, recorded 5.
    acknowledge(till, 5)
    expect(waitingOf(till)).toEqual({ count: 1, sum: 6_000n })
    expect(decide(tight, till)).toHaveLength(3)
    acknowledge(till, 4)
    expect(till.acknowledgedTo).toBe(5)
  })

  it('are held against a tap in the order of the protocol: the first that bites is the answer', () => {
    // Everything is wrong at once; each time what was refused is put right.
    const wrong: Asking = {
      policy: null,
      currency: 'CHF',
      license: { allowanceLeft: eur(100n), consecutive: 1, counter: 1, perTransaction: eur(200n) },
      hours: null,
    }
    const tight: Partial<Policy> = {
      perTransaction: eur(1_000n),
      sinceSeen: { count: 1, sum: eur(50n) },
      perKeyOnTerminal: eur(50n),
      stored: { count: 1, sum: eur(50n) },
    }
    const well = { ...tight, perTransaction: loose.perTransaction, sinceSeen: loose.sinceSeen }
    const rich = after40
    const mended: readonly [string, Asking, boolean?][] = [
      ['PolicyMissing', wrong],
      ['DayNotOpen', { ...wrong, policy: tight }, false],
      ['CurrencyMismatch', { ...wrong, policy: tight }],
      ['AllowanceExceeded', { ...wrong, policy: tight, currency: 'EUR' }],
      ['TransactionLimitExceeded', { policy: tight, license: { ...wrong.license, ...rich }, hours: null }],
      ['OfflineCountExceeded', { policy: tight, license: { ...rich, consecutive: 1, counter: 1 }, hours: null }],
      [
        'OfflineSumExceeded',
        { policy: { ...tight, perTransaction: loose.perTransaction }, license: rich, hours: null },
      ],
      ['FloorLimitExceeded', { policy: well, license: rich, hours: null }],
      [
        'StoredCountExceeded',
        { policy: { ...well, perKeyOnTerminal: loose.perKeyOnTerminal }, license: rich, hours: null },
      ],
      [
        'StoredSumExceeded',
        {
          policy: { ...well, perKeyOnTerminal: loose.perKeyOnTerminal, stored: { count: 9, sum: eur(50n) } },
          license: rich,
          hours: null,
        },
      ],
      ['SyncTooLongAgo', { license: rich, hours: null }],
    ]
    for (const [reason, asking, open = true] of mended)
      given(...(open ? [dayOpened] : []), ...paid('p', 4_000n, 1))
        .when(ask('a', 1_000n, asking))
        .then(refused(reason))
    expect(given(dayOpened, ...paid('p', 4_000n, 1)).when(ask('a', 1_000n, { license: rich })).said).toHaveLength(3)
  })
})

describe('a void', () => {
  it('takes the whole back on the day itself', () =>
    given(dayOpened, ...paid('a', 1250n, 1))
      .when(voiding('v-1', 'a'))
      .then(reversed('TransactionVoided', 'v-1', 'a', 1250n, 2)))
  it('asked twice is recorded once', () =>
    given(dayOpened, ...paid('a', 1250n, 1), reversed('TransactionVoided', 'v-1', 'a', 1250n, 2))
      .when(voiding('v-1', 'a'))
      .then())
  it('under the id of another reversal is refused: it was not done, and must not look so', () => {
    const voided = [dayOpened, ...paid('a', 1250n, 1), reversed('TransactionVoided', 'v-1', 'a', 1250n, 2)]
    const other = { transaction: id('a') }
    given(...voided, ...paid('b', 300n, 3))
      .when(voiding('v-1', 'b'))
      .then(refused('IdempotencyKeyReused', other))
    given(...voided)
      .when(refund('v-1', 'a', 1250n))
      .then(refused('IdempotencyKeyReused', other))
    given(dayOpened, ...paid('a', 1250n, 1), reversed('RefundRecorded', 'r-1', 'a', 250n, 2))
      .when(refund('r-1', 'a', 251n))
      .then(refused('IdempotencyKeyReused', other))
  })
  it('of what was given back in part is refused: the rest is refunded', () =>
    given(dayOpened, ...paid('a', 1250n, 1), reversed('RefundRecorded', 'r-1', 'a', 250n, 2))
      .when(voiding('v-1', 'a'))
      .then(refused('AlreadyReversed', { reversed: '2.50' })))
  it('a second time under another id is refused', () =>
    given(dayOpened, ...paid('a', 1250n, 1), reversed('TransactionVoided', 'v-1', 'a', 1250n, 2))
      .when(voiding('v-2', 'a'))
      .then(refused('AlreadyReversed', { reversed: '12.50' })))
  it('after its day is a refund', () =>
    given(dayOpened, ...paid('a', 1250n, 1), dayClosed(2), {
      type: 'DayOpened',
      data: { businessDate: '2026-11-24' },
    })
      .when(voiding('v-1', 'a'))
      .then(refused('DayOver', { businessDate: today })))
  it('of another terminal’s transaction is refused', () =>
    given(dayOpened)
      .when(voiding('v-1', 'z'))
      .then(refused('TransactionUnknown', { transaction: id('z') })))
})

describe('a refund', () => {
  const sold = [dayOpened, ...paid('a', 1250n, 1)]
  it('gives a part back, and then the rest, to the last cent', () => {
    given(...sold)
      .when(refund('r-1', 'a', 250n))
      .then(reversed('RefundRecorded', 'r-1', 'a', 250n, 2))
    const part = reversed('RefundRecorded', 'r-1', 'a', 250n, 2)
    given(...sold, part)
      .when(refund('r-2', 'a', 1000n))
      .then(reversed('RefundRecorded', 'r-2', 'a', 1000n, 3))
    given(...sold, part)
      .when(refund('r-2', 'a', 1001n))
      .then(refused('RefundExceedsOriginal', { left: '10.00' }))
    given(...sold, part, reversed('RefundRecorded', 'r-2', 'a', 500n, 3))
      .when(refund('r-3', 'a', 501n))
      .then(refused('RefundExceedsOriginal', { left: '5.00' }))
  })
  it('asked twice is recorded once', () =>
    given(...sold, reversed('RefundRecorded', 'r-1', 'a', 250n, 2))
      .when(refund('r-1', 'a', 250n))
      .then())
  it('of a voided transaction finds nothing left', () =>
    given(...sold, reversed('TransactionVoided', 'v-1', 'a', 1250n, 2))
      .when(refund('r-1', 'a', 1n))
      .then(refused('RefundExceedsOriginal', { left: '0.00' })))
  it('of nothing is none', () =>
    given(...sold)
      .when(refund('r-1', 'a', 0n))
      .then(refused('AmountNotPositive', { left: '12.50' })))
  it('wants an open day', () =>
    given(...sold, dayClosed(2))
      .when(refund('r-1', 'a', 1n))
      .then(refused('DayNotOpen')))
  it('of another terminal’s transaction is refused', () =>
    given(dayOpened)
      .when(refund('r-1', 'z', 1n))
      .then(refused('TransactionUnknown')))
})

describe('whatever a day brings', () => {
  type Act = { readonly what: number; readonly which: number; readonly gross: number }
  const acts = fc.array(fc.record({ what: fc.nat(11), which: fc.nat(5), gross: fc.integer({ min: 1, max: 30 }) }), {
    maxLength: 60,
  })
  const { license, card, allowanceLeft } = licensed
  const who = { license, card, allowanceLeft }

  /** What an act can be about: a fresh sale, one of those that are open, or one of those that were paid. */
  const commandsFor = ({ what, which, gross }: Act, place: number, till: Till, revision: number): TillCommand[] => {
    const oneOf = <Of extends { readonly transaction: string; readonly sale: string }>(all: Map<string, Of>) =>
      [...all.values()][which % Math.max(1, all.size)] ?? { transaction: id('none'), sale: 'none' }
    const { transaction, sale } = oneOf(till.open)
    const back = { transaction: oneOf(till.recorded).transaction, occurred, reversal: `r${place}` }
    const fresh = `w${place}`
    const no = { reason: 'HolderRefused', message: 'Not today.' }
    const again = { ...start('', BigInt(gross), { tap: place, sale }), transaction }
    const orders: readonly TillCommand[][] = [
      [ask(fresh, BigInt(gross))],
      [ask(fresh, BigInt(gross)), record(fresh, place)],
      [{ ...record('', place), transaction }],
      [{ ...record('', place), transaction: back.transaction }],
      [{ type: 'TearTap', transaction, tap: place, during: 'PUT' }],
      [{ type: 'DeclineTap', start: start(fresh, BigInt(gross)), checks: [], license: who, ...no }],
      [{ type: 'AcceptDecline', transaction, ...no }],
      [{ type: 'AbandonSale', sale }],
      [{ type: 'VoidTransaction', ...back }],
      [{ type: 'RefundTransaction', ...back, amount: eur(BigInt(gross)) }],
      // Whoever drives a tap asks again only for a deduction that is open.
      till.open.size === 0
        ? []
        : [
            { type: 'AskAgain', start: again, checks: [], license: who },
            { type: 'ResendDeduction', transaction, tap: place, clock },
          ],
      [{ ...closing, revision }],
    ]
    return orders[what] as TillCommand[]
  }

  /** Runs the acts as the terminal does: a day is opened where none is; what is refused leaves nothing. */
  const live = (done: readonly Act[]): TillEvent[] => {
    const till = emptyTill()
    const log: TillEvent[] = []
    const run = (command: TillCommand): void => {
      const said = decide(command, till)
      if (isRefusal(said)) return
      for (const event of said) {
        evolve(till, { ...event, revision: log.length })
        log.push(event)
      }
    }
    for (const [place, act] of done.entries()) {
      if (!till.day) run({ type: 'OpenDay', businessDate: today, today })
      for (const command of commandsFor(act, place + 1, till, log.length - 1)) run(command)
    }
    for (const { sale } of Array.from(till.open.values())) run({ type: 'AbandonSale', sale })
    run({ ...closing, revision: log.length - 1 })
    return log
  }

  it('receipt numbers have no gap, over all kinds of records', () =>
    fc.assert(
      fc.property(acts, done => {
        const numbers = live(done).flatMap(({ data }) => ('receiptNumber' in data ? [data.receiptNumber] : []))
        expect(numbers).toEqual(numbers.map((_, place) => place + 1))
      }),
    ))

  it('the totals of a day are what its events add up to', () =>
    fc.assert(
      fc.property(acts, done => {
        const names: Readonly<Record<string, string>> = {
          TransactionRecorded: 'sales',
          TransactionVoided: 'voids',
          RefundRecorded: 'refunds',
          TransactionDeclined: 'declined',
          TapTorn: 'torn',
        }
        const amounts = new Map<string, bigint>()
        let day: Record<string, { count: number; sum: string }> = {}
        for (const event of live(done)) {
          const data = event.data as { transaction: string; amount?: string }
          if (event.type === 'DayOpened')
            day = Object.fromEntries(Object.values(names).map(name => [name, { count: 0, sum: '0' }]))
          if (event.type === 'DeductionRequested') amounts.set(data.transaction, BigInt(event.data.amount))
          const line = day[names[event.type] ?? '']
          if (line) {
            line.count += 1
            line.sum = (BigInt(line.sum) + BigInt(data.amount ?? amounts.get(data.transaction) ?? 0n)).toString()
          }
          if (event.type === 'DayClosed') expect(event.data.totals).toEqual(day)
        }
      }),
    ))

  it('one transaction is recorded once, and never more goes back than was paid', () =>
    fc.assert(
      fc.property(acts, done => {
        const paidFor = new Map<string, bigint>()
        for (const event of live(done)) {
          if (event.type === 'TransactionRecorded') {
            expect(paidFor.has(event.data.transaction)).toBe(false)
            paidFor.set(event.data.transaction, BigInt(event.data.amount))
          }
          if (event.type === 'TransactionVoided' || event.type === 'RefundRecorded') {
            const left = (paidFor.get(event.data.transaction) ?? 0n) - BigInt(event.data.amount)
            expect(left).toBeGreaterThanOrEqual(0n)
            paidFor.set(event.data.transaction, left)
          }
        }
      }),
    ))
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bytes, base64url, fromBase64url, hex } from '#canonical/bytes'
import { trustEvent } from '#canonical/event'
import { certificateHash } from '#license/certificate'
import { makeDeduction, readDecline, readReceipt, verifyReceipt } from '#license/records'
import { amount } from '#money'
import { decodeMessage } from '#nfc/ndef'
import { bareResponse, decodeRequest, decodeResponse, encodeRequest } from '#nfc/snep'
import { recordOf, single } from '#tap/messages'
import { answer, emptyField, licenseOf } from '#tap/phone'
import type { Message } from '#tap/terminal'
import { orThrow } from '../simulation/world.ts'
import { type Counter, counter, type Heard, type Phone } from './counter.ts'

const messages = (heard: readonly Heard[]): Message[] => heard.map(({ message }) => message)
const information = (request: Bytes): Bytes => decodeRequest(request).information
const answerOf = (heard: readonly Heard[], message: Message): Bytes =>
  decodeResponse((heard.findLast(one => one.message === message) as Heard).response).information
/** The word with which the phone declined. */
const wordIn = (response: Bytes): string =>
  readDecline(recordOf(decodeResponse(response).information, 'decline')).reason

const asking = ['TapStarted', 'LicenseVerified', 'DeductionRequested']
const paying = ['PayloadDecrypted', 'TransactionRecorded']
const declining = ['TapResolved', 'TransactionDeclined']

let here: Counter
let anna: Phone
let bert: Phone
const accounts = ['anna', 'bert', 'carl', 'dora', 'emil', 'fred'].map(account => ({
  account,
  limit: 50_000n,
  allowance: '200.00',
}))
beforeAll(async () => {
  here = await counter('conversation', { phones: accounts })
  anna = here.phoneOf('anna')
  bert = here.phoneOf('bert')
})
afterAll(() => here.end())

const lastRevision = () => here.log().length

describe('a tap in its published order', () => {
  let heard: Heard[]
  let from: number
  beforeAll(async () => {
    from = lastRevision()
    await here.key(1250n)
    heard = await here.touch(anna)
  })

  it('is GET, PUT, GET, and the receipt', () =>
    expect(messages(heard)).toEqual(['GET #1', 'PUT', 'GET #2', 'PUT receipt']))

  it('carries the records of the protocol', () =>
    expect(
      heard.map(({ request, response }) =>
        [information(request), decodeResponse(response).information].map(octets =>
          octets.length === 0 ? [] : decodeMessage(octets).map(({ type }) => type.replace('tallystick.dev:', '')),
        ),
      ),
    ).toEqual([
      [['hello', 'terminal-certificate'], ['sealed']],
      [['deduction'], []],
      [['payment-request'], ['payment']],
      [['receipt'], []],
    ]))

  it('is two appends at the terminal: before PUT, and before "approved"', () => {
    expect(here.told(from)).toEqual([...asking, ...paying])
    const acts = here
      .log()
      .slice(from)
      .map(({ text }) => trustEvent(text).causation)
    expect(new Set(acts.slice(0, 3)).size).toBe(1)
    expect(new Set(acts.slice(3)).size).toBe(1)
  })

  it('leaves one payment with the phone, and the terminal’s signed receipt for it', () => {
    const [paid] = anna.memory.payments
    expect(anna.memory).toMatchObject({ counter: 1, allowanceLeft: '18750', previous: paid?.payment })
    const [recorded] = here.event<{ payment: string; transaction: string; receiptNumber: number }>(
      'TransactionRecorded',
    )
    expect(paid).toMatchObject({ payment: recorded?.payment, transaction: recorded?.transaction, amount: '1250' })
    const receipt = fromBase64url(paid?.receipt?.document ?? '')
    const { crypto, shops } = here.world
    const key = shops.get('T-1')?.identity.keys.p256.publicKey as Bytes
    const held = verifyReceipt(crypto, receipt, key)
    expect(held && { ...held, payment: hex(held.payment), head: hex(held.head) }).toMatchObject({
      receiptNumber: 1,
      payment: paid?.payment,
      revision: from + 4,
      head: trustEvent(here.log()[from + 4]?.text ?? '').hash,
    })
  })

  it('nothing of the phone is read on the air: license and payment are sealed', () => {
    const air = heard.map(({ response }) => Buffer.from(response).toString('latin1')).join('')
    expect(air).not.toContain(licenseOf(anna.memory).card)
    expect(air).not.toContain(Buffer.from(fromBase64url(anna.memory.license)).toString('latin1'))
  })

  it('names the terminal’s chain head in the deduction, which the payment covers by the tap hash', () => {
    const certificate = fromBase64url(here.world.shops.get('T-1')?.identity.certificate ?? '')
    const events = here.log().map(({ text }) => trustEvent(text))
    expect(events[0]?.prev).toBe(certificateHash(here.world.crypto, certificate))
    const put = Buffer.from(information((heard[1] as Heard).request)).toString('hex')
    expect(put).toContain(events[from - 1]?.hash)
  })
})

describe('a torn tap', () => {
  type Torn = {
    /** The sale, the terminal's events and the phone's payments when the field was lost. */
    readonly state: string
    readonly told: readonly string[]
    readonly payments: number
    /** The same phone taps again. */
    readonly again: readonly Message[]
    readonly toldAgain: readonly string[]
    /** In which of the two taps the phone sealed its payment. */
    readonly sealedIn: 1 | 2
  }
  const untouched: Torn = {
    state: 'waiting',
    told: [],
    payments: 0,
    again: ['GET #1', 'PUT', 'GET #2', 'PUT receipt'],
    toldAgain: [...asking, ...paying],
    sealedIn: 2,
  }
  const unknown: Torn = {
    state: 'torn',
    told: [...asking, 'TapTorn'],
    payments: 0,
    // The phone is asked first; it does not know, and is sent the same PUT.
    again: ['GET #1', 'GET #2', 'PUT', 'GET #2', 'PUT receipt'],
    toldAgain: [...asking, ...paying, 'TapResolved'],
    sealedIn: 2,
  }
  const known: Torn = {
    state: 'torn',
    told: [...asking, 'TapTorn'],
    payments: 1,
    again: ['GET #1', 'GET #2', 'PUT receipt'],
    toldAgain: ['TapStarted', 'LicenseVerified', ...paying, 'TapResolved'],
    sealedIn: 1,
  }
  const rows: readonly [Message, 'before' | 'after', Torn][] = [
    ['GET #1', 'before', untouched],
    ['GET #1', 'after', untouched],
    ['PUT', 'before', unknown],
    ['PUT', 'after', unknown],
    ['GET #2', 'before', unknown],
    ['GET #2', 'after', known],
  ]

  describe.each([
    ['and the terminal lives on', false],
    ['and the terminal is started anew', true],
  ] as const)('%s', (_, restarts) => {
    it.each(rows)('lost at %s, %s: paid once or never', async (at, when, expected) => {
      const from = lastRevision()
      const before = anna.memory
      let sale = await here.key(100n)
      const first = await here.touch(anna, { lost: { at, when } })
      expect(here.saleOf(sale).state).toBe(expected.state)
      expect(here.told(from)).toEqual(expected.told)
      expect(anna.memory.payments.length - before.payments.length).toBe(expected.payments)
      // What did not leave the phone has not changed it; what did is on its disk.
      if (expected.payments === 0) expect(anna.memory).toEqual(before)

      if (restarts) await here.world.restartTerminal('T-1')
      // A sale that no tap began is forgotten at a restart, as nobody has paid; the cashier keys it again.
      if (restarts && expected.state === 'waiting') sale = await here.key(100n)
      const second = lastRevision()
      const again = await here.touch(anna)
      expect(messages(again)).toEqual(expected.again)
      expect(here.told(second)).toEqual(expected.toldAgain)
      expect(here.saleOf(sale)).toEqual({ state: 'approved' })

      // Paid once: one payment more, one record more, and both mean the same.
      const recorded = here.event<{ sale: string; payment: string }>('TransactionRecorded')
      expect(recorded.filter(one => one.sale === sale)).toHaveLength(1)
      expect(anna.memory.counter).toBe(before.counter + 1)
      expect(anna.memory.payments.at(-1)).toMatchObject({ payment: recorded.at(-1)?.payment, amount: '100' })
      expect(anna.memory.payments.at(-1)?.receipt).toBeDefined()

      const taps = here.event<{ tap: number }>('TapStarted').map(({ tap }) => tap)
      const decrypted = here
        .event<{ tap: number; sealedIn: number; response: string; roundTrip_ms: number }>('PayloadDecrypted')
        .at(-1)
      expect(decrypted).toMatchObject({ tap: taps.at(-1), sealedIn: taps.at(expected.sealedIn - 3) })
      // The round trip of the PUT; where none was answered, of the GET #2 that brought the payment.
      expect(decrypted?.roundTrip_ms).toBe(40)
      const puts = here.event<{ put: string; resent: boolean }>('DeductionRequested')
      if (expected === unknown) {
        // Octet for octet the PUT of the first tap, so that it can be paid once or never.
        expect(puts.slice(-2).map(({ resent }) => resent)).toEqual([false, true])
        expect(puts.at(-1)?.put).toBe(puts.at(-2)?.put)
        const sent = again.find(({ message }) => message === 'PUT') as Heard
        expect(base64url(information(sent.request))).toBe(puts.at(-1)?.put)
      }
      // A phone that paid answers with the same octets as the first time.
      if (expected === known) expect(answerOf(again, 'GET #2')).toEqual(answerOf(first, 'GET #2'))
      expect(decrypted?.response).toBe(base64url(answerOf(again, 'GET #2')))
    })
  })

  it('torn and torn again stays one transaction, until it is paid', async () => {
    const from = lastRevision()
    const { counter: before } = anna.memory
    const sale = await here.key(100n)
    for (const [at, when] of [
      ['PUT', 'after'],
      ['GET #1', 'after'],
      ['GET #2', 'before'],
      ['PUT', 'before'],
      ['GET #2', 'before'],
    ] as const)
      await here.touch(anna, { lost: { at, when } })
    expect(here.saleOf(sale)).toEqual({ state: 'torn', reason: 'FieldLost' })
    await here.touch(anna)
    expect(here.saleOf(sale)).toEqual({ state: 'approved' })
    expect(anna.memory.counter).toBe(before + 1)
    const transactions = here
      .log()
      .slice(from)
      .map(({ text }) => trustEvent(text).data as { transaction: string })
    expect(new Set(transactions.map(({ transaction }) => transaction)).size).toBe(1)
  })

  it('answered from far away is torn again, and paid once the phone is held close', async () => {
    const sale = await here.key(100n)
    await here.touch(anna, { lost: { at: 'GET #2', when: 'after' } })
    const from = lastRevision()
    const far = await here.touch(anna, {
      response: (message, octets) => {
        if (message === 'GET #2') here.world.clock.at += 1_500
        return octets
      },
    })
    expect(messages(far)).toEqual(['GET #1', 'GET #2'])
    expect(here.told(from)).toEqual(['TapStarted', 'LicenseVerified', 'TapTorn'])
    expect(here.saleOf(sale)).toEqual({ state: 'torn', reason: 'RoundTripExceeded' })
    expect(messages(await here.touch(anna))).toEqual(['GET #1', 'GET #2', 'PUT receipt'])
    expect(here.saleOf(sale)).toEqual({ state: 'approved' })
    expect(here.event<{ roundTrip_ms: number }>('PayloadDecrypted').at(-1)?.roundTrip_ms).toBe(40)
  })

  it('another phone is refused while the first may have paid, and nothing is recorded of it', async () => {
    const sale = await here.key(100n)
    await here.touch(anna, { lost: { at: 'GET #2', when: 'after' } })
    const from = lastRevision()
    const before = bert.memory
    expect(messages(await here.touch(bert))).toEqual(['GET #1'])
    expect(here.saleOf(sale)).toEqual({ state: 'torn', reason: 'SaleTornByAnotherPhone' })
    expect(here.told(from)).toEqual([])
    expect(bert.memory).toEqual(before)
    expect(messages(await here.touch(anna))).toEqual(['GET #1', 'GET #2', 'PUT receipt'])
    expect(here.saleOf(sale)).toEqual({ state: 'approved' })
  })

  it('a phone that has paid elsewhere since no longer pays that PUT: its counter is used', async () => {
    const sale = await here.key(100n)
    await here.touch(anna, { lost: { at: 'PUT', when: 'before' } })
    const { counter: next } = anna.memory
    anna.memory = { ...anna.memory, counter: next + 1 }
    const from = lastRevision()
    const heard = await here.touch(anna)
    expect(messages(heard)).toEqual(['GET #1', 'GET #2', 'PUT'])
    expect(wordIn((heard.at(-1) as Heard).response)).toBe('counter differs')
    expect(here.told(from)).toEqual([...asking, ...declining])
    expect(here.saleOf(sale)).toEqual({ state: 'declined', reason: 'CounterMismatch' })
    anna.memory = { ...anna.memory, counter: next }
  })

  it('abandoned by the cashier is final: the next sale finds an earlier payment open, until the holder consents', async () => {
    const emil = here.phoneOf('emil')
    const lost = await here.key(100n)
    await here.touch(emil, { lost: { at: 'GET #2', when: 'after' } })
    await here.till().cancelSale(lost)
    expect(here.saleOf(lost).state).toBe('cancelled')

    emil.consent = () => 'none'
    const sale = await here.key(300n)
    const heard = await here.touch(emil)
    expect(messages(heard)).toEqual(['GET #1', 'PUT'])
    const told = readDecline(recordOf(answerOf(heard, 'PUT'), 'decline'))
    expect(told.reason).toBe('earlier payment open')
    expect(hex(told.transaction as Bytes)).toBe(emil.memory.payments.at(-1)?.transaction)
    expect(here.saleOf(sale)).toEqual({ state: 'declined', reason: 'EarlierPaymentOpen' })

    emil.consent = () => 'given'
    await here.touch(emil)
    expect(here.saleOf(sale)).toEqual({ state: 'approved' })
    const recorded = here.event<{ sale: string }>('TransactionRecorded')
    expect(recorded.filter(one => one.sale === lost)).toEqual([])
  })
})

describe('a receipt that was lost', () => {
  it.each(['before', 'after'] as const)('%s the phone heard it costs nothing: the sale is approved', async when => {
    const carl = here.phoneOf(when === 'before' ? 'carl' : 'dora')
    const sale = await here.key(100n)
    await here.touch(carl, { lost: { at: 'PUT receipt', when } })
    expect(here.saleOf(sale)).toEqual({ state: 'approved' })
    expect(carl.memory.payments).toHaveLength(1)
    expect(carl.memory.payments[0]?.receipt === undefined).toBe(when === 'before')
    // The sale is done: the phone that taps again is asked nothing.
    const from = lastRevision()
    expect(await here.touch(carl)).toEqual([])
    expect(here.told(from)).toEqual([])

    // The next sale, with a holder who was not asked. Without a receipt the phone holds back, is handed it, and pays.
    carl.consent = () => 'none'
    const next = await here.key(200n)
    const heard = await here.touch(carl)
    expect(messages(heard)).toEqual(
      when === 'before'
        ? ['GET #1', 'PUT', 'PUT receipt', 'PUT', 'GET #2', 'PUT receipt']
        : ['GET #1', 'PUT', 'GET #2', 'PUT receipt'],
    )
    expect(here.saleOf(next)).toEqual({ state: 'approved' })
    expect(carl.memory.payments.map(({ amount, receipt }) => [amount, receipt !== undefined])).toEqual([
      ['100', true],
      ['200', true],
    ])
    if (when === 'before') {
      const resent = heard.find(({ message }) => message === 'PUT receipt') as Heard
      const { transaction } = readReceipt(recordOf(information(resent.request), 'receipt'))
      expect(hex(transaction)).toBe(carl.memory.payments[0]?.transaction)
      expect(heard.filter(({ message }) => message === 'PUT').map(({ request }) => hex(request))).toHaveLength(2)
      const [first, second] = heard.filter(({ message }) => message === 'PUT')
      expect(second?.request).toEqual(first?.request)
    }
  })
})

describe('consent', () => {
  it('is waited for above the silent limit, as long as the field lasts', async () => {
    const asked: string[] = []
    bert.consent = transaction => (asked.push(transaction) < 3 ? 'none' : 'given')
    const from = lastRevision()
    const sale = await here.key(5_001n)
    const began = here.world.clock.at
    const heard = await here.touch(bert)
    expect(messages(heard)).toEqual(['GET #1', 'PUT', 'GET #2', 'GET #2', 'GET #2', 'PUT receipt'])
    expect(wordIn((heard[2] as Heard).response)).toBe('pending')
    expect(here.saleOf(sale)).toEqual({ state: 'approved' })
    expect(here.told(from)).toEqual([...asking, ...paying])
    // Two waits of 250 ms; the round trip in the log is that of PUT, which waits for no person.
    expect(here.world.clock.at - began).toBeGreaterThanOrEqual(500)
    expect(here.event<{ roundTrip_ms: number }>('PayloadDecrypted').at(-1)?.roundTrip_ms).toBe(40)
  })

  it('is not asked for up to the silent limit', async () => {
    bert.consent = () => 'none'
    const sale = await here.key(5_000n)
    expect(messages(await here.touch(bert))).toEqual(['GET #1', 'PUT', 'GET #2', 'PUT receipt'])
    expect(here.saleOf(sale)).toEqual({ state: 'approved' })
  })

  it('refused by the holder ends the sale, and the phone has paid nothing', async () => {
    const before = bert.memory
    bert.consent = () => 'refused'
    const from = lastRevision()
    const sale = await here.key(100n)
    await here.touch(bert)
    expect(here.saleOf(sale)).toEqual({ state: 'declined', reason: 'HolderRefused' })
    expect(here.told(from)).toEqual([...asking, ...declining])
    expect(bert.memory).toEqual(before)
  })

  it('not given while the field lasted is torn, and given at the next tap is paid', async () => {
    let asked = 0
    bert.consent = () => 'none'
    const sale = await here.key(5_001n)
    const first = await here.touch(bert, {
      response: (message, octets) => {
        if (message === 'GET #2') asked += 1
        return asked === 2 ? octets.slice(0, 3) : octets
      },
    })
    expect(messages(first)).toEqual(['GET #1', 'PUT', 'GET #2', 'GET #2'])
    expect(here.saleOf(sale).state).toBe('torn')
    bert.consent = () => 'given'
    expect(messages(await here.touch(bert))).toEqual(['GET #1', 'GET #2', 'PUT', 'GET #2', 'PUT receipt'])
    expect(here.saleOf(sale)).toEqual({ state: 'approved' })
  })
})

describe('what the phone says no to', () => {
  it('locked, it says so, sealed, and shows neither card nor license', async () => {
    const before = anna.memory
    anna.memory = { ...anna.memory, locked: true }
    const from = lastRevision()
    const sale = await here.key(100n)
    const heard = await here.touch(anna)
    expect(messages(heard)).toEqual(['GET #1'])
    expect(decodeMessage(answerOf(heard, 'GET #1')).map(({ type }) => type)).toEqual(['tallystick.dev:sealed'])
    expect(here.saleOf(sale)).toEqual({ state: 'declined', reason: 'PhoneLocked' })
    expect(here.told(from)).toEqual(['TapStarted', 'LicenseRejected', 'TransactionDeclined'])
    anna.memory = before
  })

  it('without an account it answers NOT FOUND, and the sale is declined', async () => {
    const from = lastRevision()
    const sale = await here.key(100n)
    await here.touch(anna, { response: () => bareResponse('NOT FOUND') })
    expect(here.saleOf(sale)).toEqual({ state: 'declined', reason: 'NoAccount' })
    expect(here.told(from)).toEqual(['TapStarted', 'LicenseRejected', 'TransactionDeclined'])
  })

  /** A terminal that may sign whatever it likes: what the phone itself keeps to. */
  const deduct = (phone: Phone, change: object, by: 'terminal' | 'stranger' = 'terminal', introduced = true) => {
    const { crypto, shops, clock } = here.world
    const { p256 } = (shops.get('T-1') as NonNullable<ReturnType<typeof shops.get>>).identity.keys
    const { id } = licenseOf(phone.memory)
    const asked = {
      transaction: crypto.random(16),
      license: id,
      counter: phone.memory.counter + 1,
      amount: amount(100n),
      currency: 'EUR',
      time: Math.floor(clock.at / 1000),
      place: 's-1',
      head: crypto.random(32),
      ...change,
    }
    const key = by === 'terminal' ? p256 : crypto.keyPair('P-256')
    const put = single('deduction', makeDeduction(crypto, asked, key))
    const holder = { now_s: Math.floor(clock.at / 1000), consent: phone.consent }
    const { field } = introduced ? answer(crypto, phone.memory, emptyField, hello, holder) : { field: emptyField }
    const request = encodeRequest({ code: 'PUT', information: put })
    const given = answer(crypto, phone.memory, field, request, holder)
    expect(given.memory).toBeUndefined()
    const { information } = decodeResponse(given.response)
    return information.length === 0 ? 'taken' : wordIn(given.response)
  }
  let hello: Bytes
  beforeAll(async () => {
    await here.key(100n)
    const [first] = await here.touch(anna, { lost: { at: 'GET #1', when: 'after' } })
    hello = (first as Heard).request
  })

  it.each([
    ['nothing, where all is right', {}, 'taken'],
    ['a license that it does not hold', { license: '0190d0a0-0000-7000-8000-000000000001' }, 'license unknown'],
    ['the same counter again', { counter: 0 }, 'counter differs'],
    ['a counter to come', { counter: 99 }, 'counter differs'],
    ['another currency', { currency: 'CHF' }, 'currency'],
    ['one payment too large', { amount: amount(15_001n) }, 'per transaction'],
  ] as const)('to %s', (_, change, word) => expect(deduct(anna, change)).toBe(word))

  it('to more than its allowance, to the last cent', () => {
    const fred = here.phoneOf('fred')
    const poor = { ...fred, memory: { ...fred.memory, allowanceLeft: '500' } }
    expect(deduct(poor, { amount: amount(500n) })).toBe('taken')
    expect(deduct(poor, { amount: amount(501n) })).toBe('allowance')
  })
  it('to one payment more than it may make without the authority', () => {
    const fred = here.phoneOf('fred')
    const { credit } = licenseOf(fred.memory)
    const at = (counter: number) => ({ ...fred, memory: { ...fred.memory, counter } })
    expect(deduct(at(credit.counter + credit.consecutive - 1), {})).toBe('taken')
    expect(deduct(at(credit.counter + credit.consecutive), {})).toBe('consecutive')
  })
  it('to a deduction that this terminal did not sign, and to one before any introduction', () => {
    expect(deduct(anna, {}, 'stranger')).toBe('bad deduction')
    expect(deduct(anna, {}, 'terminal', false)).toBe('bad deduction')
  })
  it('to a transaction it has paid, asked for in other octets', () => {
    const [paid] = anna.memory.payments
    const transaction = Uint8Array.from(Buffer.from(paid?.transaction ?? '', 'hex'))
    expect(deduct(anna, { transaction })).toBe('bad deduction')
  })
})

describe('a terminal that is suspended while a tap of it is torn', () => {
  let there: Counter
  beforeAll(async () => {
    there = await counter('suspended while torn', { phones: accounts })
  })
  afterAll(() => there.end())
  const tornThenSuspended = async (account: string, at: Message, when: 'before' | 'after') => {
    const phone = there.phoneOf(account)
    const sale = await there.key(100n)
    await there.touch(phone, { lost: { at, when } })
    const order = { terminal: 'T-1', reason: 'seen in a pawn shop', by: 'operator:test' }
    orThrow(await there.world.centre().suspendTerminal(order))
    orThrow(await there.world.sync())
    return { phone, sale, from: there.log().length }
  }
  const reinstate = async () => {
    const order = { terminal: 'T-1', reason: 'it was another one', by: 'operator:test' }
    orThrow(await there.world.centre().reinstateTerminal(order))
    orThrow(await there.world.sync())
  }

  it('fetches what the phone has paid, and the centre accepts it', async () => {
    const { phone, sale, from } = await tornThenSuspended('anna', 'GET #2', 'after')
    expect(messages(await there.touch(phone))).toEqual(['GET #1', 'GET #2', 'PUT receipt'])
    expect(there.told(from)).toEqual(['TapStarted', 'LicenseVerified', ...paying, 'TapResolved'])
    expect(there.saleOf(sale)).toEqual({ state: 'approved' })
    orThrow(await there.world.sync())
    expect(await there.world.centre().ask.transactions({ terminal: 'T-1' })).toMatchObject({
      transactions: [{ state: 'accepted', amount: '1.00' }],
    })
    await reinstate()
  })

  it.each([
    ['bert', 'PUT', 'before'],
    ['carl', 'PUT', 'after'],
    ['dora', 'GET #2', 'before'],
  ] as const)('asks %s for nothing not paid yet: lost at %s, %s', async (account, at, when) => {
    const { phone, sale, from } = await tornThenSuspended(account, at, when)
    const before = phone.memory
    expect(messages(await there.touch(phone))).toEqual(['GET #1', 'GET #2'])
    expect(there.told(from)).toEqual(['TapStarted', 'LicenseVerified', ...declining])
    expect(there.saleOf(sale)).toEqual({ state: 'declined', reason: 'TerminalSuspended' })
    expect(phone.memory).toEqual(before)
    await reinstate()
    // Nothing stands open: the next sale is like any other.
    await there.key(200n)
    expect(messages(await there.touch(phone))).toEqual(['GET #1', 'PUT', 'GET #2', 'PUT receipt'])
  })
})

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import {
  fieldsOf,
  holderKey,
  isSignedBy,
  type Message,
  nameOf,
  printTap,
  type Recorded,
  readMessage,
  readSigned,
} from '../decoder/decode.ts'
import { freePorts } from './processes.ts'
import { type Recorder, recordAir } from './recorder.ts'
import { openStreet, type Sale, type Street } from './street.ts'

/** What passes between phone and terminal, kept on its way and read by a decoder that knows nothing of the product. */

let street: Street
let recorder: Recorder
let taken: Sale
let tap: readonly Recorded[]
let messages: readonly Message[]

beforeAll(async () => {
  street = await openStreet({
    terminals: [
      {
        id: 'T-1',
        antenna: async radio => {
          recorder = await recordAir(radio, await freePorts())
          return recorder.port
        },
      },
    ],
    accounts: [{ account: 'anna-of-the-green-house', limit: '500.00', allowance: '200.00' }],
  })
  // The second tap has the most to say: its status bears the payment before.
  for (const amount of ['4.00', '12.50']) {
    taken = await street.till().key(amount)
    expect(await street.tap(street.phone(), street.till())).toMatchObject({ outcome: 'paid', amount })
  }
  taken = (await street.till().sale(taken.sale)).body as unknown as Sale
  tap = recorder.taps[1] ?? []
  messages = tap.map(readMessage)
})
beforeEach(({ onTestFailed }) => onTestFailed(() => console.log(street?.said())))
afterAll(async () => {
  await street?.close()
  await recorder?.close()
})

const record = (name: string) => {
  const found = messages.flatMap(({ records }) => records).filter(one => nameOf(one) === name)
  expect(found).toHaveLength(1)
  return found[0] as (typeof found)[0]
}
const fields = (name: string) => fieldsOf(record(name))
const hexOf = (value: unknown): string => (value as Buffer).toString('hex')

it('the whole tap was kept, in two connections, with nothing over', () => {
  expect(recorder.taps).toHaveLength(2)
  expect(recorder.rest()).toBe(0)
  console.log(printTap(messages))
})

it('its messages come in the published order', () => {
  expect(messages.map(({ from, snep, records }) => [from, snep, ...records.map(nameOf)])).toEqual([
    ['terminal', 'GET', 'hello', 'terminal-certificate'],
    ['phone', 'SUCCESS', 'sealed'],
    ['terminal', 'PUT', 'deduction'],
    ['phone', 'SUCCESS'],
    ['terminal', 'GET', 'payment-request'],
    ['phone', 'SUCCESS', 'payment'],
    ['terminal', 'PUT', 'receipt'],
    ['phone', 'SUCCESS'],
  ])
})

it('the deduction says what is to be paid, by which payment of which license', async () => {
  const { license } = (await phoneNow()) as { license: { id: string } }
  expect(fields('deduction')).toMatchObject({ amount: 1250, currency: 'EUR', counter: 2, place: 'corner-shop' })
  expect(hexOf(fields('deduction')['license'])).toBe(license.id.replaceAll('-', ''))
  expect(hexOf(fields('deduction')['transaction'])).toBe(taken.transaction)
  expect(hexOf(fields('payment-request')['transaction'])).toBe(taken.transaction)
})

it('the receipt names the payment by the hash that phone and till know it by', async () => {
  const [newest] = await street.payments(street.phone())
  expect(newest).toMatchObject({ transaction: taken.transaction, receipt: 2 })
  expect(hexOf(fields('receipt')['payment'])).toBe(newest?.payment)
  expect(fields('receipt')).toMatchObject({ receiptNumber: 2 })
})

it('hello, deduction and receipt are signed by the key in the certificate, each as what it is', () => {
  const certificate = fields('terminal-certificate')
  expect(certificate).toMatchObject({ 2: 'T-1', merchantName: 'Corner & Co.' })
  const key = holderKey(certificate)
  expect(fields('hello')).toMatchObject({ terminal: 'T-1', currency: 'EUR', versions: [1] })
  for (const name of ['hello', 'deduction', 'receipt']) {
    const signed = readSigned(record(name).payload)
    expect([name, isSignedBy(signed, name, key)]).toEqual([name, true])
    expect([name, isSignedBy(signed, 'payment', key)]).toEqual([name, false])
  }
})

it('nobody on the air learns who pays: no card number, account or allowance in clear', () => {
  const { card, account, id } = street.phone()
  const digits = card.length % 2 === 0 ? card : `${card}f`
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(BigInt(card))
  const secrets: Record<string, Buffer> = {
    'the card number in digits': Buffer.from(card),
    'the card number as an integer': number,
    'the card number in BCD': Buffer.from(digits, 'hex'),
    'the account': Buffer.from(account),
    'the phone': Buffer.from(id),
  }
  for (const [what, secret] of Object.entries(secrets))
    for (const [place, { from, octets }] of recorder.taps.flat().entries())
      expect([place, from, what, octets.includes(secret)]).toEqual([place, from, what, false])
  for (const name of ['hello', 'terminal-certificate', 'deduction', 'payment-request', 'receipt'])
    expect(Object.keys(fields(name))).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/card|account|allowance/i)]),
    )
})

it('what is sealed in one tap is sealed anew in the next', () => {
  const [first, second] = recorder.taps.map(messages =>
    messages
      .map(readMessage)
      .flatMap(({ records }) => records.filter(one => ['sealed', 'payment'].includes(nameOf(one)))),
  )
  expect(first).toHaveLength(2)
  for (const [place, one] of (first ?? []).entries())
    expect(second?.[place]?.payload.subarray(0, 65)).not.toEqual(one.payload.subarray(0, 65))
})

it('every message stays under 2,200 octets', () => {
  const sizes = recorder.taps.flat().map(({ octets }) => octets.length)
  expect(sizes).toHaveLength(16)
  expect(Math.max(...sizes)).toBeLessThan(2200)
})

const phoneNow = async (): Promise<unknown> =>
  (await fetch(`${street.wallet.url}/api/phones/${street.phone().id}`)).json()

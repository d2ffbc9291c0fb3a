import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Bytes, fromBase64url, fromHex } from '#canonical/bytes'
import { canonicalText, NotCanonical, parseCanonical } from '#canonical/json'
import { encodePaymentRequest, makeDeduction, makeHello, makeReceipt } from '#license/records'
import { amount } from '#money'
import { encodeRequest } from '#nfc/snep'
import { openStatus, single, statusRequest } from '#tap/messages'
import { answer, consentKey, emptyField, type Field, licenseOf, type PhoneMemory } from '#tap/phone'
import { makeWorld, type World } from '../simulation/world.ts'

/** A certified terminal that means harm, and a phone held to it. */

let world: World
beforeEach(async () => {
  world = await makeWorld({ seed: 'rogue reader' })
})
afterEach(() => world.end())

const phoneAt = (here: World) => {
  const { crypto } = here
  const shop = here.shops.get('T-1')
  if (!shop) throw new Error('no T-1')
  const { identity } = shop
  const { p256 } = identity.keys
  const now_s = Math.floor(here.clock.at / 1000)
  const sealing = crypto.keyPair('P-256')
  const consents = new Set<string>()
  let memory = [...here.disk.values()][0] as PhoneMemory
  let field: Field = emptyField

  const ask = (code: 'GET' | 'PUT', information: Bytes) => {
    const request = code === 'GET' ? { code, acceptableLength: 4096, information } : { code, information }
    const consent = (of: string) => (consents.has(of) ? ('given' as const) : ('none' as const))
    const told = answer(crypto, memory, field, encodeRequest(request), { now_s, consent })
    memory = told.memory ?? memory
    field = told.field
    return told
  }
  const deduction = (transaction: Bytes, minor: bigint, counter: number): Bytes =>
    single(
      'deduction',
      makeDeduction(
        crypto,
        {
          transaction,
          license: licenseOf(memory).id,
          counter,
          amount: amount(minor),
          currency: 'EUR',
          time: now_s,
          place: 's-1',
          head: new Uint8Array(32),
        },
        p256,
      ),
    )
  return {
    consents,
    memory: () => memory,
    lock: () => {
      memory = { ...memory, locked: true }
    },
    /** GET #1 with a hello that claims to be of some time ago; the status, if the phone gave one. */
    meet: (ago_s = 0) => {
      const hello = {
        versions: [1],
        terminal: 'T-1',
        currency: 'EUR',
        authorityKeys: [],
        sealing: sealing.publicKey,
        time: now_s - ago_s,
      }
      const request = statusRequest(makeHello(crypto, hello, p256), fromBase64url(identity.certificate))
      const { response } = ask('GET', request)
      const opened = openStatus(crypto, request, response.slice(6), sealing)
      return opened && 'status' in opened ? opened.status : undefined
    },
    put: (transaction: Bytes, minor: bigint, counter: number) => {
      const message = deduction(transaction, minor, counter)
      return { message, declined: ask('PUT', message).declined?.reason }
    },
    fetch: (transaction: Bytes) => ask('GET', single('payment-request', encodePaymentRequest({ transaction }))),
    receipt: (transaction: Bytes, receiptNumber: number) => {
      const paid = memory.payments.at(-1)
      const half = { payment: fromHex(paid?.payment ?? ''), receiptNumber, revision: 0, head: new Uint8Array(32) }
      ask('PUT', single('receipt', makeReceipt(crypto, { transaction, ...half }, p256)))
    },
  }
}

describe('a phone held to a hostile terminal', () => {
  it('pays what its holder consented to, and not another amount under the same transaction', () => {
    const phone = phoneAt(world)
    const transaction = world.crypto.random(16)
    phone.meet()
    const { message } = phone.put(transaction, 5_100n, 1)
    phone.fetch(transaction)
    phone.consents.add(consentKey(world.crypto, message))
    expect(phone.put(transaction, 15_000n, 1).declined).toBe('DeductionRefused')
    phone.fetch(transaction)
    expect(phone.memory().payments.map(paid => paid.amount)).toEqual(['5100'])
  })

  it('does not carry consent into another meeting for another amount', () => {
    const phone = phoneAt(world)
    const transaction = world.crypto.random(16)
    phone.meet()
    phone.consents.add(consentKey(world.crypto, phone.put(transaction, 5_100n, 1).message))
    phone.meet()
    phone.put(transaction, 15_000n, 1)
    phone.fetch(transaction)
    expect(phone.memory().payments).toEqual([])
  })

  it('pays once in a meeting without a word, however the terminal begins again', () => {
    const phone = phoneAt(world)
    for (let counter = 1; counter <= 4; counter++) {
      const transaction = world.crypto.random(16)
      phone.meet()
      phone.put(transaction, 5_000n, counter)
      phone.fetch(transaction)
      phone.receipt(transaction, counter)
    }
    expect(phone.memory().payments).toHaveLength(1)
    expect(phone.memory().allowanceLeft).toBe('15000')
  })

  it('pays nothing for nothing', () => {
    const phone = phoneAt(world)
    phone.meet()
    expect(phone.put(world.crypto.random(16), 0n, 1).declined).toBe('DeductionRefused')
    expect(phone.memory().counter).toBe(0)
  })

  it('shows itself to no hello of long ago: the key of an old tap is in logs', () => {
    const phone = phoneAt(world)
    expect(phone.meet(80 * 86_400)).toBeUndefined()
    expect(phone.meet(3_000)).toMatchObject({ counter: 0 })
  })

  it('pays nothing while it is locked', () => {
    const phone = phoneAt(world)
    const transaction = world.crypto.random(16)
    phone.lock()
    expect(phone.meet()).toBeUndefined()
    expect(phone.put(transaction, 100n, 1).declined).toBe('PhoneLocked')
    phone.fetch(transaction)
    expect(phone.memory().payments).toEqual([])
  })
})

it('a phone that says "pending" for ever lets go of the till within a minute', async () => {
  const sale = await world.key(6_000n)
  const before = world.clock.at
  expect(await world.tap('anna', 'T-1', false)).toMatchObject({ outcome: 'torn' })
  expect(world.clock.at - before).toBeLessThan(60_000)
  expect(world.till().saleOf((sale as { sale: string }).sale)).toMatchObject({ state: 'torn' })
})

it('a key that some readers skip is in no canonical text', () => {
  const text = '{"__proto__":{"amount":"5"},"amount":"12"}'
  expect(() => parseCanonical(text)).toThrow(NotCanonical)
  expect(() => canonicalText(JSON.parse(text))).toThrow(NotCanonical)
})

it('a text that nests without end is refused, and uses up nobody’s stack', () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  expect(parseCanonical(nested(64))).toBeDefined()
  for (const depth of [65, 1000, 100_000]) expect(() => parseCanonical(nested(depth))).toThrow(NotCanonical)
})

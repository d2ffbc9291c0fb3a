import { describe, expect, it } from 'vitest'
import { fromBase64url } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import { type Assignment, markOf, signAssignment, verifyAssignment } from '#license/assignment'
import { type KeySet, kidOf } from '#license/keyset'
import { endOf, renewalDue } from '#license/renewal'
import { checkRequest, requestHolds_s, type SyncRequest, signRequest } from '#license/request'
import { nodeCrypto } from '#machine/crypto'

const crypto = nodeCrypto()
const key = crypto.keyPair('P-256')
const other = crypto.keyPair('P-256')
const now_s = 1_795_000_000
const day_s = 86_400

describe('what a terminal asks for itself', () => {
  const asked: SyncRequest = {
    origin: 'tallystick.dev/log/one',
    terminal: 'T-1',
    asks: 'rules',
    time: now_s,
    nonce: crypto.random(16),
    software: '0.3.0',
  }
  const { origin, terminal, asks } = asked
  const check = (text: string | undefined, change: object = {}) =>
    checkRequest(crypto, text, { origin, terminal, asks, publicKey: key.publicKey, now_s, ...change })

  it('is read as it was asked', () => expect(check(signRequest(crypto, key, asked))).toEqual(asked))

  it.each([
    ['by another key', signRequest(crypto, other, asked), {}],
    ['for another terminal', signRequest(crypto, key, asked), { terminal: 'T-2' }],
    ['another question', signRequest(crypto, key, asked), { asks: 'certificate' }],
    ['at another centre', signRequest(crypto, key, asked), { origin: 'tallystick.dev/log/two' }],
    ['without a signature', undefined, {}],
    ['in no octets', 'not base64url!', {}],
    ['as nothing', '', {}],
  ])('is refused %s', (_, text, change) =>
    expect(check(text, change)).toMatchObject({ reason: 'RequestSignatureInvalid' }),
  )

  it('is refused with any octet of it changed, and never throws', () => {
    const octets = fromBase64url(signRequest(crypto, key, asked))
    for (let at = 0; at < octets.length; at++) {
      const changed = Uint8Array.from(octets)
      changed[at] = (changed[at] as number) ^ 0x41
      const answer = check(Buffer.from(changed).toString('base64url'))
      expect(isRefusal(answer), `octet ${at}`).toBe(true)
    }
  })

  it('holds for its minutes on both sides, and no longer', () => {
    const at = (time: number) => check(signRequest(crypto, key, { ...asked, time }))
    for (const off of [-requestHolds_s, 0, requestHolds_s]) expect(at(now_s + off)).not.toHaveProperty('reason')
    for (const off of [-requestHolds_s - 1, requestHolds_s + 1])
      expect(at(now_s + off)).toMatchObject({ reason: 'RequestTimeOff', at: new Date(now_s * 1000).toISOString() })
  })
})

describe('the centre’s word on a terminal', () => {
  const keySet = (change: Partial<KeySet['keys'][number]> = {}): KeySet => ({
    version: 1,
    issued: now_s,
    keys: [
      {
        kid: kidOf(crypto, key.publicKey),
        purpose: 'rules',
        curve: 'P-256',
        publicKey: key.publicKey,
        notBefore: now_s,
        expires: now_s + day_s,
        status: 'active',
        ...change,
      },
    ],
  })
  const word: Assignment = {
    terminal: 'T-1',
    issued: now_s,
    shop: 's-1',
    shopName: 'Corner',
    zone: 'Europe/Vienna',
    standing: 'suspended',
    reason: 'seen elsewhere',
  }

  it('is read where a rules key of the set signed it', () =>
    expect(verifyAssignment(crypto, signAssignment(crypto, word, key), keySet())).toEqual(word))
  it.each([
    ['a key that is not in the set', signAssignment(crypto, word, other), keySet()],
    ['a key for something else', signAssignment(crypto, word, key), keySet({ purpose: 'license' })],
    ['a key that is compromised', signAssignment(crypto, word, key), keySet({ status: 'compromised' })],
  ])('is nothing by %s', (_, bytes, set) => expect(verifyAssignment(crypto, bytes, set)).toBeNull())

  it('has one mark for what it says, whenever it was said', () => {
    expect(markOf(crypto, { ...word, ...{ issued: now_s + 60 } })).toBe(markOf(crypto, word))
    const marks = [
      word,
      { ...word, terminal: 'T-2' },
      { ...word, shop: 's-2' },
      { ...word, shopName: 'Harbour' },
      { ...word, zone: 'UTC' },
      { ...word, standing: 'lost' as const },
      { ...word, reason: 'other' },
    ].map(each => markOf(crypto, each))
    expect(new Set(marks).size).toBe(marks.length)
  })
})

describe('a certificate comes to its end', () => {
  const kid = kidOf(crypto, key.publicKey)
  const certificate = { notBefore: now_s, expires: now_s + 90 * day_s, shop: 's-1', kid }
  const set = (status: 'active' | 'retired' | 'compromised'): KeySet => ({
    version: 2,
    issued: now_s,
    keys: [
      {
        kid,
        purpose: 'certificate',
        curve: 'P-256',
        publicKey: key.publicKey,
        notBefore: now_s,
        expires: now_s + day_s,
        status,
      },
    ],
  })
  const due = (change: Partial<Parameters<typeof renewalDue>[1]> = {}) =>
    renewalDue(certificate, { now_s, shop: 's-1', keySet: set('active'), ...change })

  it.each([
    ['fresh', due(), undefined],
    ['a second before half of its time', due({ now_s: now_s + 45 * day_s - 1 }), undefined],
    ['at half of its time', due({ now_s: now_s + 45 * day_s }), 'half-life'],
    ['for another shop', due({ shop: 's-2' }), 'shop'],
    ['by a key that was retired', due({ keySet: set('retired') }), undefined],
    ['by a key that was stolen', due({ keySet: set('compromised') }), 'key'],
    ['by a key that nobody knows', due({ keySet: { ...set('active'), keys: [] } }), 'key'],
    ['with no key set at hand', due({ keySet: undefined }), undefined],
  ])('%s: %s', (_, found, expected) => expect(found).toBe(expected))

  it.each([
    [15 * day_s, { daysLeft: 15, warning: null }],
    [14 * day_s + 1, { daysLeft: 15, warning: null }],
    [14 * day_s, { daysLeft: 14, warning: 14 }],
    [7 * day_s + 1, { daysLeft: 8, warning: 14 }],
    [7 * day_s, { daysLeft: 7, warning: 7 }],
    [day_s, { daysLeft: 1, warning: 1 }],
    [1, { daysLeft: 1, warning: 1 }],
    [0, { daysLeft: 0, warning: 0 }],
    [-day_s, { daysLeft: 0, warning: 0 }],
  ])('%i s before it: %o', (left, end) => expect(endOf(now_s + left, now_s)).toEqual(end))
})

import { describe, expect, it } from 'vitest'
import { base64url } from '#canonical/bytes'
import { checkTerminalCertificate, shopAt } from '#evidence/place'
import { signAssignment } from '#license/assignment'
import { issueCertificate, readCertificate, type TerminalCertificate } from '#license/certificate'
import { type KeySet, kidOf, signKeySet } from '#license/keyset'
import { signDenyList, signPolicy } from '#license/rules'
import { nodeCrypto } from '#machine/crypto'
import type { AdoptedRules } from '#tap/rules'
import { firstPolicy } from '../../apps/back-office/authority.ts'

const crypto = nodeCrypto()
const now_s = 1_795_000_000
const day_s = 86_400
const [root, rulesKey, certificateKey, p256] = Array.from({ length: 4 }, () => crypto.keyPair('P-256'))
if (!root || !rulesKey || !certificateKey || !p256) throw new Error('no keys')
const ed25519 = crypto.keyPair('Ed25519')

const keyOf = (purpose: 'rules' | 'certificate', key: typeof root): KeySet['keys'][number] => ({
  kid: kidOf(crypto, key.publicKey),
  purpose,
  curve: 'P-256',
  publicKey: key.publicKey,
  notBefore: now_s - day_s,
  expires: now_s + 400 * day_s,
  status: 'active',
})
const keys = [keyOf('rules', rulesKey), keyOf('certificate', certificateKey)]
const document = (octets: Uint8Array) => ({ version: 1, hash: '0'.repeat(64), document: base64url(octets) })
const rules: AdoptedRules = {
  keySet: document(signKeySet(crypto, { version: 1, issued: now_s, keys }, root)),
  policy: document(signPolicy(crypto, firstPolicy(1, now_s, 'EUR'), rulesKey)),
  denyList: document(signDenyList(crypto, { version: 1, issued: now_s, licenses: [], cards: [] }, rulesKey)),
}

describe('the shop of a tap', () => {
  const word = {
    terminal: 'T-1',
    issued: now_s,
    shop: 's-2',
    shopName: 'Harbour',
    zone: 'UTC',
    standing: 'enrolled',
  } as const
  const adopted = (signed: typeof word | { readonly terminal: string }, key = rulesKey) => ({
    word: { ...word, shop: 's-7', document: base64url(signAssignment(crypto, { ...word, ...signed }, key)) },
    rules,
  })
  const shop = (place: Parameters<typeof shopAt>[3]) =>
    shopAt(crypto, root.publicKey, { terminal: 'T-1', shop: 's-1' }, place)

  it('is that of the enrolment before it adopted another', () => expect(shop(undefined)).toBe('s-1'))
  it('is what the centre signed, and not what the terminal wrote beside it', () =>
    expect(shop(adopted(word))).toBe('s-2'))
  it.each([
    ['signed by another key', adopted(word, p256)],
    ['on another terminal', adopted({ terminal: 'T-2' })],
    ['adopted under no rules', { ...adopted(word), rules: undefined }],
    ['in no octets', { ...adopted(word), word: { ...adopted(word).word, document: 'AAAA' } }],
  ])('is that of the enrolment where the word is %s', (_, place) => expect(shop(place)).toBe('s-1'))
})

describe('a tap outside its terminal’s certificate', () => {
  const certificate = (change: Partial<TerminalCertificate> = {}, key = certificateKey): string =>
    base64url(
      issueCertificate(
        crypto,
        {
          terminal: 'T-1',
          merchant: 'm-1',
          merchantName: 'Corner',
          shop: 's-1',
          mode: 'test',
          keys: { p256: p256.publicKey, ed25519: ed25519.publicKey },
          notBefore: now_s,
          expires: now_s + 90 * day_s,
          kid: kidOf(crypto, key.publicKey),
          ...change,
        },
        key,
      ),
    )
  const renewed = { notBefore: now_s + 46 * day_s, expires: now_s + 136 * day_s }
  const first = readCertificate(Buffer.from(certificate(), 'base64url'))
  const check = (days: number, text?: string) =>
    checkTerminalCertificate(
      crypto,
      root.publicKey,
      { terminal: 'T-1', certificate: first },
      {
        startedAt: new Date((now_s + days * day_s) * 1000).toISOString(),
        certificate: text === undefined ? undefined : { text, rules },
      },
    )?.reason

  it.each([
    ['within it', 45, undefined, undefined],
    ['after it', 91, undefined, 'TerminalCertificateExpired'],
    ['before it', -1, undefined, 'TerminalCertificateExpired'],
    ['within the one that it adopted', 91, certificate(renewed), undefined],
    ['after that', 137, certificate(renewed), 'TerminalCertificateExpired'],
    ['that another key signed', 91, certificate(renewed, p256), 'TerminalCertificateExpired'],
    ['that is another terminal’s', 91, certificate({ ...renewed, terminal: 'T-2' }), 'TerminalCertificateExpired'],
    ['that is no certificate', 91, 'AAAA', 'TerminalCertificateExpired'],
  ] as const)('%s, on day %i', (_, days, text, expected) => expect(check(days, text)).toBe(expected))
})

import type { webcrypto } from 'node:crypto'
import { Aes128Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex, hex, utf8 } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { Malformed } from '#canonical/malformed'
import { openAuth, openBase, sealAuth, sealBase, sealWith } from '#license/hpke'
import { nodeCrypto } from '#machine/crypto'
import { hpkeVectors } from '../vectors/hpke.ts'
import { seededCrypto } from './fixture.ts'

const node = nodeCrypto()
const adapters: readonly (readonly [string, Crypto])[] = [
  ['node:crypto', node],
  ['@noble', seededCrypto('hpke')],
]
const pair = (privateKey: string, publicKey: string): KeyPair => ({
  curve: 'P-256',
  privateKey: fromHex(privateKey),
  publicKey: fromHex(publicKey),
})

describe.each(adapters)('RFC 9180, A.3, over %s', (_, crypto) => {
  const info = fromHex(hpkeVectors.info)
  const aad = fromHex(hpkeVectors.aad)
  const plaintext = fromHex(hpkeVectors.plaintext)

  it('A.3.1, Base', () => {
    const { skEm, pkEm, skRm, pkRm, ct } = hpkeVectors.base
    const sealed = sealWith(crypto, pair(skEm, pkEm), { recipient: fromHex(pkRm), info, aad, plaintext })
    expect(hex(sealed)).toBe(pkEm + ct)
    expect(openBase(crypto, { recipient: pair(skRm, pkRm), info, aad, sealed })).toEqual(plaintext)
  })

  it('A.3.3, Auth', () => {
    const { skEm, pkEm, skRm, pkRm, skSm, pkSm, ct } = hpkeVectors.auth
    const sealing = { recipient: fromHex(pkRm), info, aad, plaintext }
    const sealed = sealWith(crypto, pair(skEm, pkEm), sealing, pair(skSm, pkSm))
    expect(hex(sealed)).toBe(pkEm + ct)
    const opened = openAuth(crypto, { sender: fromHex(pkSm), recipient: pair(skRm, pkRm), info, aad, sealed })
    expect(opened).toEqual(plaintext)
  })
})

describe('@hpke/core, both ways', () => {
  const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() })
  const info = utf8('tallystick.dev:payment/1')
  const aad = utf8('aad')
  const plaintext = utf8('a sealed payment')

  const theirs = async (key: KeyPair): Promise<webcrypto.CryptoKeyPair> => ({
    privateKey: await suite.kem.deserializePrivateKey(key.privateKey.buffer),
    publicKey: await suite.kem.deserializePublicKey(key.publicKey.buffer),
  })
  const bytes = (buffer: ArrayBuffer): Bytes => new Uint8Array(buffer)

  it('Base', async () => {
    const recipient = node.keyPair('P-256')
    const keys = await theirs(recipient)
    const ours = sealBase(node, { recipient: recipient.publicKey, info, aad, plaintext })
    const opened = await suite.open(
      { recipientKey: keys.privateKey, enc: ours.slice(0, 65).buffer, info: info.buffer },
      ours.slice(65).buffer,
      aad.buffer,
    )
    expect(bytes(opened)).toEqual(plaintext)
    const { enc, ct } = await suite.seal(
      { recipientPublicKey: keys.publicKey, info: info.buffer },
      plaintext.buffer,
      aad.buffer,
    )
    expect(openBase(node, { recipient, info, aad, sealed: concat(bytes(enc), bytes(ct)) })).toEqual(plaintext)
  })

  it('Auth', async () => {
    const [recipient, sender] = [node.keyPair('P-256'), node.keyPair('P-256')]
    const [r, s] = [await theirs(recipient), await theirs(sender)]
    const ours = sealAuth(node, { sender, recipient: recipient.publicKey, info, aad, plaintext })
    const opened = await suite.open(
      { recipientKey: r.privateKey, senderPublicKey: s.publicKey, enc: ours.slice(0, 65).buffer, info: info.buffer },
      ours.slice(65).buffer,
      aad.buffer,
    )
    expect(bytes(opened)).toEqual(plaintext)
    const { enc, ct } = await suite.seal(
      { recipientPublicKey: r.publicKey, senderKey: s, info: info.buffer },
      plaintext.buffer,
      aad.buffer,
    )
    const sealed = concat(bytes(enc), bytes(ct))
    expect(openAuth(node, { sender: sender.publicKey, recipient, info, aad, sealed })).toEqual(plaintext)
  })
})

describe('a seal', () => {
  const [recipient, sender, other] = [node.keyPair('P-256'), node.keyPair('P-256'), node.keyPair('P-256')]
  const info = utf8('info')
  const aad = utf8('aad')
  const sealed = sealAuth(node, { sender, recipient: recipient.publicKey, info, aad, plaintext: utf8('stick') })
  const opening = { sender: sender.publicKey, recipient, info, aad, sealed }

  it('opens for its recipient alone, from its sender alone, under its info and its aad alone', () => {
    expect(openAuth(node, opening)).toEqual(utf8('stick'))
    expect(openAuth(node, { ...opening, recipient: other })).toBeNull()
    expect(openAuth(node, { ...opening, sender: other.publicKey })).toBeNull()
    expect(openAuth(node, { ...opening, info: utf8('inf0') })).toBeNull()
    expect(openAuth(node, { ...opening, aad: utf8('aae') })).toBeNull()
    expect(openBase(node, opening)).toBeNull()
  })

  it('of Base mode does not open as one of Auth mode', () => {
    const open = sealBase(node, { recipient: recipient.publicKey, info, aad, plaintext: utf8('stick') })
    expect(openBase(node, { ...opening, sealed: open })).toEqual(utf8('stick'))
    expect(openAuth(node, { ...opening, sealed: open })).toBeNull()
  })

  it('changed or cut anywhere stays shut', () => {
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice()
      changed[at] = (changed[at] as number) ^ 1
      expect(openAuth(node, { ...opening, sealed: changed })).toBeNull()
      expect(openAuth(node, { ...opening, sealed: sealed.subarray(0, at) })).toBeNull()
    }
  })

  it('needs keys that are points', () => {
    const noPoint = concat(Uint8Array.of(4), new Uint8Array(64))
    expect(() => sealBase(node, { recipient: noPoint, info, aad, plaintext: aad })).toThrow(Malformed)
    expect(openAuth(node, { ...opening, sender: noPoint })).toBeNull()
  })

  it('gives back any text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.uint8Array(), fc.uint8Array(), (plaintext, info, aad) => {
        const sealed = sealAuth(node, { sender, recipient: recipient.publicKey, info, aad, plaintext })
        expect(openAuth(node, { sender: sender.publicKey, recipient, info, aad, sealed })).toEqual(plaintext)
        expect(sealed.length).toBe(65 + plaintext.length + 16)
      }),
      { numRuns: 30 },
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concat, hex, utf8 } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'
import { nodeCrypto } from '#machine/crypto'
import {
  checkpointText,
  noteKeyId,
  readCheckpoint,
  readNote,
  signatureLine,
  signedBy,
  signNote,
} from '#transparency/checkpoint'

const crypto = nodeCrypto()
const key = crypto.keyPair('Ed25519')
const name = 'tallystick.dev/log/test'
const root = crypto.sha256('root')
const text = checkpointText({ origin: name, size: 42, root })

/** The example of Go's golang.org/x/mod/sumdb/note documentation: text, key and signature. */
const published = {
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  name: 'PeterNeumann',
  keyId: 'c74f20a3',
  key: 'ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  line: '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
}

describe('a note', () => {
  it('that somebody else published is read and holds', () => {
    const publicKey = new Uint8Array(Buffer.from(published.key, 'base64')).slice(1)
    const signer = { name: published.name, publicKey }
    expect(hex(noteKeyId(crypto, signer))).toBe(published.keyId)
    const note = readNote(utf8(`${published.text}\n${published.line}`))
    expect(note.text).toBe(published.text)
    expect(signedBy(crypto, note, signer)).toBe(true)
  })

  it('holds under its own key, and under no other key, name or text', () => {
    const note = readNote(utf8(signNote(crypto, text, name, key)))
    expect(signedBy(crypto, note, { name, publicKey: key.publicKey })).toBe(true)
    expect(signedBy(crypto, note, { name: 'other', publicKey: key.publicKey })).toBe(false)
    expect(signedBy(crypto, note, { name, publicKey: crypto.keyPair('Ed25519').publicKey })).toBe(false)
    expect(signedBy(crypto, { ...note, text: text.replace('42', '43') }, { name, publicKey: key.publicKey })).toBe(
      false,
    )
  })

  it('takes a second signature beside the first', () => {
    const witness = crypto.keyPair('Ed25519')
    const both = signNote(crypto, text, name, key) + signatureLine(crypto, text, 'witness', witness)
    const note = readNote(utf8(both))
    expect(signedBy(crypto, note, { name: 'witness', publicKey: witness.publicKey })).toBe(true)
    expect(signedBy(crypto, note, { name, publicKey: key.publicKey })).toBe(true)
  })

  it('with one bit turned over in any octet is malformed or not signed', () => {
    const octets = utf8(signNote(crypto, text, name, key))
    for (let at = 0; at < octets.length; at++) {
      const changed = Uint8Array.from(octets)
      changed[at] = (changed[at] as number) ^ 1
      let holds = false
      try {
        holds = signedBy(crypto, readNote(changed), { name, publicKey: key.publicKey })
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
      }
      expect(holds, `octet ${at}`).toBe(false)
    }
  })

  it('of any octets is read or malformed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), octets => {
        try {
          readNote(concat(octets))
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed)
        }
      }),
    )
  })
})

describe('a checkpoint', () => {
  it('is origin, size and root, a line each', () => {
    expect(text).toBe(`${name}\n42\n${Buffer.from(root).toString('base64')}\n`)
    expect(readCheckpoint(text)).toEqual({ origin: name, size: 42, root })
  })

  it.each([
    ['without a root', `${name}\n42\n`],
    ['with a size that begins with nought', `${name}\n042\n${Buffer.from(root).toString('base64')}\n`],
    ['with a size below nought', `${name}\n-1\n${Buffer.from(root).toString('base64')}\n`],
    ['with a short root', `${name}\n42\nAAAA\n`],
    ['without an origin', `\n42\n${Buffer.from(root).toString('base64')}\n`],
    ['with a root that is not base64', `${name}\n42\n****\n`],
  ])('%s is malformed', (_, told) => {
    expect(() => readCheckpoint(told)).toThrow(Malformed)
  })
})

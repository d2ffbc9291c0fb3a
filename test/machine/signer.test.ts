import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { utf8 } from '#canonical/bytes'
import { pairSigner, type Signer, signedBy } from '#canonical/signer'
import { nodeCrypto } from '#machine/crypto'
import { type CommandSigner, commandSigner, signerSettings } from '#machine/signer'

/** Keys behind a real program, as a card or an HSM would be. */

const crypto = nodeCrypto()
let folder: string
let opened: CommandSigner[] = []
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tallystick-signer-'))
})
afterEach(() => {
  for (const each of opened.splice(0)) each.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

const program = join(import.meta.dirname, 'signer.mjs')
const signer = (how = '', timeout_ms = 5000): CommandSigner => {
  const one = commandSigner({ command: [process.execPath, program, join(folder, 'card.json'), how], timeout_ms })
  opened = [...opened, one]
  return one
}
const signs = async (one: Signer, text = 'a license') =>
  signedBy(crypto, one, await one.publicKey(), (crypto, key) => ({ key, signature: crypto.sign(key, utf8(text)) }))

describe.each(['license', 'log'])('a key behind a program (%s)', name => {
  it('signs what it is asked to, and its private half never leaves it', async () => {
    const { key, signature } = await signs(signer().key(name))
    expect(crypto.verify(key.curve, key.publicKey, utf8('a license'), signature)).toBe(true)
    expect(key.privateKey).toHaveLength(0)
  })
  it('answers many at once, each its own', async () => {
    const one = signer().key(name)
    const texts = Array.from({ length: 20 }, (_, place) => `license ${place}`)
    const made = await Promise.all(texts.map(text => signs(one, text)))
    for (const [place, { key, signature }] of made.entries())
      expect(crypto.verify(key.curve, key.publicKey, utf8(texts[place] as string), signature)).toBe(true)
  })
})

it.each([
  ['refuses', 'refused', /refuses: the card is not in the reader/],
  ['dies', 'away', /ended \(exit 3, the reader was pulled out\); the next question starts it anew/],
  ['babbles', 'malformed', /without the number of its question/],
  ['short', 'malformed', /no answer to sign \(signature: not 64 octets\)/],
  ['wrong', 'wrong', /its own key does not verify: nothing was signed by it/],
])('one that %s gives a clear error, and no signature', async (how, found, message) => {
  await expect(signs(signer(how).key('license'))).rejects.toMatchObject({
    code: 'SignerFailed',
    found,
    message: expect.stringMatching(message),
  })
})

it('one that does not answer is given up, and whoever waited with it', async () => {
  const one = signer('sleeps', 700).key('license')
  await one.publicKey()
  const [first, second] = await Promise.allSettled([one.sign(utf8('a')), one.sign(utf8('b'))])
  for (const each of [first, second])
    expect(each).toMatchObject({ status: 'rejected', reason: { found: 'late', message: /within 700 ms/ } })
  // Started anew.
  expect((await one.publicKey()).curve).toBe('P-256')
})

it('one that is not there, and one that was closed, say so', async () => {
  const missing = commandSigner({ command: ['/nowhere/signer'], timeout_ms: 1000 }).key('license')
  await expect(missing.publicKey()).rejects.toMatchObject({
    found: 'away',
    message: expect.stringMatching(/does not start: .*ENOENT/),
  })
  const one = signer('sleeps')
  const key = one.key('license')
  await key.publicKey()
  const waits = expect(key.sign(utf8('a'))).rejects.toMatchObject({ found: 'away' })
  one.close()
  await waits
})

it('a key of this process is a signer alike', async () => {
  const pair = crypto.keyPair('P-256')
  const { signature } = await signs(pairSigner(crypto, pair))
  expect(crypto.verify('P-256', pair.publicKey, utf8('a license'), signature)).toBe(true)
})

it('what is signed is asked once, and must be the same when it is made', async () => {
  const pair = crypto.keyPair('P-256')
  const one = pairSigner(crypto, pair)
  let made = 0
  await expect(signedBy(crypto, one, pair, (crypto, key) => crypto.sign(key, utf8(`${made++}`)))).rejects.toThrow(
    'has changed since',
  )
  await expect(signedBy(crypto, one, pair, () => 'nothing')).rejects.toThrow('signed once')
})

it.each([
  ['{', /JSON/],
  ['{"command":[],"keys":{}}', /command/],
  ['{"command":["a"],"keys":{"rot":["x"]}}', /keys/],
  ['{"command":["a"],"keys":{"root":[]}}', /keys\.root/],
  ['{"command":["a"],"timeout_ms":5,"keys":{}}', /timeout_ms/],
])('a file that names no signer is refused: %s', (text, message) => {
  const file = join(folder, 'signer.json')
  writeFileSync(file, text)
  expect(() => signerSettings(file)).toThrow(message)
  expect(readFileSync(file, 'utf8')).toBe(text)
})

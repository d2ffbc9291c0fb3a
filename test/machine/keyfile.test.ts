import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeCrypto } from '#machine/crypto'
import { isSealed, openKeys, openPart, passphraseNamed, sealKeys } from '#machine/keyfile'
import { keysText, makeAuthorityKeys } from '../../apps/back-office/authority.ts'
import { keyFile } from '../../apps/back-office/key-file.ts'

/** The authority's keys at rest. */

const crypto = nodeCrypto()
const said: string[] = []
const log = { info: (line: string) => void said.push(line), warn: (line: string) => void said.push(line) }
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tallystick-keys-'))
})
afterAll(() => rmSync(folder, { recursive: true }))
const text = () => readFileSync(join(folder, 'keys.json'), 'utf8')
const secretsOf = (keys: ReturnType<typeof makeAuthorityKeys>) =>
  [keys.root, keys.license, keys.certificate, keys.rules, keys.log, ...keys.later.keys]
    .map(({ privateKey }) => Buffer.from(privateKey).toString('base64url'))
    .concat([Buffer.from(keys.saltKey).toString('base64url'), Buffer.from(keys.tacMaster.key).toString('base64url')])

describe('keys.json', () => {
  it('of before 0.3.0 lies in the open, and is sealed at once', () => {
    const old = makeAuthorityKeys(crypto, 1_790_000_000)
    const { later: _, ...first } = JSON.parse(keysText(old)) as Record<string, unknown>
    writeFileSync(join(folder, 'keys.json'), JSON.stringify(first), { mode: 0o600 })
    const keeper = keyFile(crypto, folder, 'correct horse', 1, log)
    expect(keeper.read()).toEqual(old)
    expect(isSealed(text())).toBe(true)
    expect(statSync(join(folder, 'keys.json')).mode & 0o777).toBe(0o600)
    expect(secretsOf(old).filter(secret => text().includes(secret))).toEqual([])
    expect(said.join()).toMatch(/sealed the authority’s keys/)
  })

  it('takes what is made later, sealed too, and another node reads it', () => {
    const keeper = keyFile(crypto, folder, 'correct horse', 1, log)
    const other = keyFile(crypto, folder, 'correct horse', 1, log)
    const added = crypto.keyPair('Ed25519')
    keeper.add({ keys: [added], tacMasters: [{ id: '00112233', key: crypto.random(32) }] })
    expect(other.read()).toEqual(keeper.read())
    expect(other.read().later.keys).toEqual([added])
    expect(secretsOf(other.read()).filter(secret => text().includes(secret))).toEqual([])
    expect(openPart(text())).toContain(Buffer.from(added.publicKey).toString('base64url'))
  })

  it.each([
    ['a wrong passphrase', (text: string) => text, 'correct house', /passphrase is not the one/],
    ['none', (text: string) => text, undefined, /--keys-passphrase FILE/],
    ['an altered seal', (text: string) => text.replace(/"sealed":"..../, '"sealed":"AAAA'), 'correct horse', /altered/],
    [
      'another log key',
      (text: string) => text.replace(/"log":\{"publicKey":"..../, '"log":{"publicKey":"AAAA'),
      'correct horse',
      /altered/,
    ],
    [
      'a newer form',
      (text: string) => text.replace('tallystick-keys-2', 'tallystick-keys-3'),
      'correct horse',
      /does not know/,
    ],
    ['a cost of nothing', (text: string) => text.replace('"N":131072', '"N":2'), 'correct horse', /does not know/],
  ])('does not open with %s, and says so in a line', (_, change, passphrase, says) => {
    const changed = change(text())
    expect(() => openKeys(changed, passphrase)).toThrow(says)
    try {
      openKeys(changed, passphrase)
    } catch (error) {
      expect((error as Error).message).not.toContain('\n')
      expect(error).toMatchObject({ code: 'KeysLocked' })
    }
  })

  it('goes under another passphrase, and no more opens by the old one', () => {
    const secrets = openKeys(text(), 'correct horse')
    const anew = sealKeys(secrets, JSON.parse(openPart(text())) as Record<string, unknown>, 'battery staple')
    expect(openKeys(anew, 'battery staple')).toBe(secrets)
    expect(() => openKeys(anew, 'correct horse')).toThrow(/not the one/)
  })

  it('without a passphrase is said to lie in the open', () => {
    const open = mkdtempSync(join(tmpdir(), 'tallystick-keys-'))
    said.length = 0
    keyFile(crypto, open, undefined, 1, log)
    expect(said.join()).toMatch(/lie in the open/)
    rmSync(open, { recursive: true })
  })

  it('a passphrase is one line of a file that is there', () => {
    const file = join(folder, 'passphrase')
    expect(() => passphraseNamed(file)).toThrow(/no passphrase file/)
    writeFileSync(file, '\n')
    expect(() => passphraseNamed(file)).toThrow(/holds no passphrase/)
    writeFileSync(file, 'one line\n')
    expect(passphraseNamed(file)).toBe('one line')
  })
})

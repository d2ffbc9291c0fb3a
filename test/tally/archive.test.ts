import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pack, unpack } from '../../apps/tally/archive.ts'

const folder = mkdtempSync(join(tmpdir(), 'tallystick-archive-'))
afterAll(() => rmSync(folder, { recursive: true }))

const about = { taken: '2026-11-23T09:00:00.000Z', events: 3, root: 'ab'.repeat(32) }
const log = Buffer.from('SQLite format 3 and more'.repeat(5000))
const keys = Buffer.from('{"root":{}}')
const packed = async (passphrase?: string): Promise<Buffer> => {
  const file = join(folder, 'log')
  writeFileSync(file, log)
  const parts: Uint8Array[] = []
  const named = [
    { name: 'log.sqlite', file },
    { name: 'keys.json', octets: keys },
  ] as const
  for await (const part of pack(named, about, passphrase)) parts.push(part)
  return Buffer.concat(parts)
}
let tries = 0
const unpacked = async (octets: Uint8Array, passphrase?: string) => {
  const [file, to] = [join(folder, `b${tries}`), join(folder, `to-${tries++}`)]
  writeFileSync(file, octets)
  mkdirSync(to)
  return { manifest: await unpack(file, to, passphrase), to }
}
const refusal = async (octets: Uint8Array, passphrase?: string): Promise<Error & { code?: string }> =>
  unpacked(octets, passphrase).then(
    () => expect.fail('it was taken'),
    (error: Error) => error,
  )

describe.each([
  ['open', undefined],
  ['sealed', 'open sesame'],
])('a backup that is %s', (_, passphrase) => {
  let octets: Buffer
  beforeAll(async () => {
    octets = await packed(passphrase)
  })

  it('gives its parts back as they were, to the owner alone', async () => {
    const { manifest, to } = await unpacked(octets, passphrase)
    expect(manifest).toMatchObject({ ...about, parts: [{ name: 'log.sqlite' }, { name: 'keys.json', octets: 11 }] })
    expect(readFileSync(join(to, 'log.sqlite')).equals(log)).toBe(true)
    expect(readFileSync(join(to, 'keys.json')).equals(keys)).toBe(true)
    expect(readdirSync(to)).toEqual(['keys.json', 'log.sqlite'])
  })

  it('shows its keys only where it is open', () => {
    expect(octets.includes('{"root":{}}')).toBe(passphrase === undefined)
  })

  it('is refused where it was cut, or any octet of it altered, or where it goes on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(octets.length - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
        const altered = Buffer.from(octets)
        altered[place] = (altered[place] as number) ^ change
        // When it was taken is its own word, and no more; sealed, even that is kept.
        const end = octets.indexOf(about.taken) + about.taken.length
        const isTaken = passphrase === undefined && place < end && place >= end - about.taken.length
        const isFigure = passphrase === undefined && place < octets.indexOf('"parts"') && place >= end
        if (!isTaken && !isFigure) expect(await refusal(altered, passphrase)).toMatchObject({ code: 'BackupRefused' })
        expect(await refusal(octets.subarray(0, place), passphrase)).toMatchObject({ code: 'BackupRefused' })
      }),
      { numRuns: passphrase === undefined ? 60 : 1 },
    )
    expect(await refusal(Buffer.concat([octets, Buffer.of(10)]), passphrase)).toMatchObject({ code: 'BackupRefused' })
  })
})

it('a passphrase that is wrong, missing, or not asked for, is one clear line', async () => {
  const [open, sealed] = [await packed(), await packed('open sesame')]
  expect((await refusal(sealed, 'sesame')).message).toMatch(/: The passphrase is not the one that it was sealed with/)
  expect((await refusal(sealed)).message).toMatch(/: it is sealed: name the file that holds its passphrase/)
  expect((await refusal(open, 'sesame')).message).toMatch(/: it is not sealed: leave --passphrase-file out\.$/)
})

describe('a file that somebody made', () => {
  const made = (manifest: unknown, body = ''): Buffer =>
    Buffer.from(`{"format":"tallystick-backup-1","sealed":null}\n${JSON.stringify(manifest)}\n${body}`)
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const part = (name: string, text = 'x', octets = text.length) => ({ name, octets, sha256: sha256(text) })

  it.each<[string, Buffer]>([
    ['a part with a path for a name', made({ ...about, parts: [part('../keys.json')] }, 'x')],
    ['a part of another name', made({ ...about, parts: [part('rows.sqlite')] }, 'x')],
    ['a part twice', made({ ...about, parts: [part('keys.json'), part('keys.json')] }, 'xx')],
    ['a part larger than the file', made({ ...about, parts: [part('keys.json', 'x', 2 ** 52)] }, 'x')],
    ['a part of negative size', made({ ...about, parts: [part('keys.json', 'x', -1)] }, 'x')],
    ['a word too many', made({ ...about, parts: [], more: 1 })],
    [
      'another key derivation',
      Buffer.from(
        '{"format":"tallystick-backup-1","sealed":{"key":"scrypt-30-8-1","salt":"AAAAAAAAAAAAAAAAAAAAAA","cipher":"aes-256-gcm-65536"}}\n',
      ),
    ],
    ['a line without end', Buffer.alloc(1_000_000, 0x20)],
    ['nothing', Buffer.alloc(0)],
    ['a log instead', Buffer.from('SQLite format 3\0')],
  ])('with %s is refused, and writes nothing outside its folder', async (_, octets) => {
    expect(await refusal(octets)).toMatchObject({ code: 'BackupRefused' })
    expect(existsSync(join(folder, 'keys.json'))).toBe(false)
  })
})

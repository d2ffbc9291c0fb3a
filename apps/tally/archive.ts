import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { newSalt, seal, sealKey, unseal } from './sealed.ts'

/**
 * A backup as one file: a line that says what it is and how it is sealed; then, sealed or not, a line that names the
 * parts with their sizes and hashes, and the parts. A part's name is one of a few, so that no file can choose a path.
 */
const format = 'tallystick-backup-1'
const lineMax = 64 * 1024

export const partNames = ['log.sqlite', 'log.jsonl', 'keys.json', 'heads.json', 'access.json', 'vault.sqlite'] as const
export type PartName = (typeof partNames)[number]

/** The file is no backup, or was cut or altered; or its passphrase is missing. Nothing was put in place. */
export class BackupRefused extends Error {
  readonly code = 'BackupRefused'
}

const manifestShape = z.strictObject({
  taken: z.iso.datetime({ precision: 3 }),
  events: z.int().nonnegative(),
  root: z.string().regex(/^[0-9a-f]{64}$/),
  parts: z
    .array(
      z.strictObject({
        name: z.enum(partNames),
        octets: z.int().nonnegative(),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(partNames.length),
})
export type Manifest = z.infer<typeof manifestShape>

const headShape = z.strictObject({
  format: z.literal(format),
  sealed: z
    .strictObject({
      key: z.literal('scrypt-17-8-1'),
      salt: z.base64url().length(22),
      cipher: z.literal('aes-256-gcm-65536'),
    })
    .nullable(),
})

/** A part to be packed: of a file on the disk, or of these octets. */
export type Part = { readonly name: PartName } & ({ readonly file: string } | { readonly octets: Uint8Array })

async function* contentOf(part: Part): AsyncGenerator<Uint8Array> {
  if ('octets' in part) yield part.octets
  else yield* createReadStream(part.file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>
}

const summed = async (part: Part): Promise<Manifest['parts'][number]> => {
  const hash = createHash('sha256')
  let octets = 0
  for await (const chunk of contentOf(part)) {
    hash.update(chunk)
    octets += chunk.length
  }
  return { name: part.name, octets, sha256: hash.digest('hex') }
}

/** The backup's octets. */
export async function* pack(
  parts: readonly Part[],
  about: Omit<Manifest, 'parts'>,
  passphrase: string | undefined,
): AsyncGenerator<Uint8Array> {
  const manifest: Manifest = { ...about, parts: await Promise.all(parts.map(summed)) }
  const body = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${JSON.stringify(manifest)}\n`)
    for (const part of parts) yield* contentOf(part)
  }
  const salt = newSalt()
  const sealed = { key: 'scrypt-17-8-1', salt: salt.toString('base64url'), cipher: 'aes-256-gcm-65536' }
  const head = Buffer.from(`${JSON.stringify({ format, sealed: passphrase === undefined ? null : sealed })}\n`)
  yield head
  yield* passphrase === undefined ? body() : seal(body(), sealKey(passphrase, salt), head)
}

/** The octets up to the first newline, with it, and a stream of those after it. */
const lineOf = async (
  octets: AsyncIterator<Uint8Array>,
): Promise<{ readonly line: Buffer; readonly rest: AsyncIterable<Uint8Array> } | undefined> => {
  let held = Buffer.alloc(0)
  for (;;) {
    const end = held.indexOf(0x0a)
    if (end >= 0) {
      const after = held.subarray(end + 1)
      const rest = async function* (): AsyncGenerator<Uint8Array> {
        if (after.length > 0) yield after
        yield* { [Symbol.asyncIterator]: () => octets }
      }
      return { line: held.subarray(0, end + 1), rest: rest() }
    }
    const next = held.length > lineMax ? { done: true as const, value: undefined } : await octets.next()
    if (next.done) return undefined
    held = Buffer.concat([held, next.value])
  }
}

const readLine = <Shape extends z.ZodType>(line: Buffer, shape: Shape): z.infer<Shape> | undefined => {
  try {
    const read = shape.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line)))
    return read.success ? read.data : undefined
  } catch {
    return undefined
  }
}

/**
 * Puts the parts of a backup into a folder, each checked against its size and hash, with nothing after the last. Without
 * a folder it checks, and writes nothing.
 */
export const unpack = async (
  file: string,
  folder: string | undefined,
  passphrase: string | undefined,
): Promise<Manifest> => {
  const raw = createReadStream(file, { highWaterMark: 256 * 1024 })
  try {
    return await unpackFrom(raw, file, folder, passphrase)
  } finally {
    raw.destroy()
  }
}

const unpackFrom = async (
  raw: AsyncIterable<Buffer>,
  file: string,
  folder: string | undefined,
  passphrase: string | undefined,
): Promise<Manifest> => {
  const refuse = (why: string): BackupRefused => new BackupRefused(`${file}: ${why}`)
  const first = await lineOf(raw[Symbol.asyncIterator]())
  const head = first && readLine(first.line, headShape)
  if (!first || !head) throw refuse(`not a backup (${format}).`)
  if (head.sealed && passphrase === undefined)
    throw refuse('it is sealed: name the file that holds its passphrase, by --passphrase-file.')
  if (!head.sealed && passphrase !== undefined) throw refuse('it is not sealed: leave --passphrase-file out.')
  const body = head.sealed
    ? unseal(first.rest, sealKey(passphrase as string, Buffer.from(head.sealed.salt, 'base64url')), first.line)
    : first.rest
  try {
    const second = await lineOf(body[Symbol.asyncIterator]())
    const manifest = second && readLine(second.line, manifestShape)
    if (!second || !manifest) throw refuse('it was cut or altered: the line that names its parts cannot be read.')
    if (new Set(manifest.parts.map(({ name }) => name)).size !== manifest.parts.length)
      throw refuse('it names a part twice.')
    const octets = second.rest[Symbol.asyncIterator]()
    let left = Buffer.alloc(0)
    for (const { name, octets: size, sha256 } of manifest.parts) {
      const hash = createHash('sha256')
      const to = folder === undefined ? undefined : await open(join(folder, name), 'wx', 0o600)
      try {
        for (let missing = size; missing > 0; ) {
          if (left.length === 0) {
            const next = await octets.next()
            if (next.done) throw refuse(`it was cut: ${missing} octets of ${name} are missing.`)
            left = Buffer.from(next.value)
          }
          const taken = left.subarray(0, missing)
          left = left.subarray(taken.length)
          hash.update(taken)
          await to?.writeFile(taken)
          missing -= taken.length
        }
        await to?.sync()
      } finally {
        await to?.close()
      }
      if (hash.digest('hex') !== sha256) throw refuse(`it was altered: ${name} is not what it was.`)
    }
    const more = left.length > 0 ? { done: false } : await octets.next()
    if (!more.done) throw refuse('it goes on after its last part.')
    return manifest
  } catch (error) {
    if ((error as { code?: string }).code === 'SealBroken') throw refuse((error as Error).message)
    throw error
  }
}

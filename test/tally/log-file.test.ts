import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EventStore, StoredEvent } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import { copyLog, receiptClock } from '../../apps/tally/copy.ts'
import { checkLogFile, exportLines, logFile } from '../../apps/tally/log-file.ts'
import { copyOf } from '../scenarios/hand.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** A log as a file: whole and as it was, or refused with its line. */
let world: World
let folder: string
let log: readonly StoredEvent[]
let lines: string[]
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tallystick-export-'))
  world = await makeWorld({ seed: 'export' })
  for (let tap = 0; tap < 2; tap++) {
    orThrow(await world.key(1250n))
    await world.tap('anna')
    world.clock.at += 61_000
    orThrow(await world.sync())
  }
  log = [...world.log.events]
  lines = (await exported(world.log)).split('\n').slice(0, -1)
})
afterAll(async () => {
  await world.end()
  rmSync(folder, { recursive: true })
})

const exported = async (store: Pick<EventStore, 'readAll'>): Promise<string> => {
  let text = ''
  for await (const part of exportLines(world.crypto, store)) text += part
  return text
}
let files = 0
const fileOf = (content: string | Uint8Array): string => {
  const file = join(folder, `${files++}.jsonl`)
  writeFileSync(file, content)
  return file
}
const whole = () => `${lines.join('\n')}\n`
const refusal = (content: string | Uint8Array): Promise<Error & { code?: string }> =>
  checkLogFile(world.crypto, fileOf(content)).then(
    () => expect.fail('it was taken'),
    (error: Error) => error,
  )

it('says what it is, then each event’s own text beside its receipt, and at the end how many and their root', async () => {
  expect(lines).toHaveLength(log.length + 2)
  expect(JSON.parse(lines[0] as string)).toMatchObject({ format: 'tallystick-log-1' })
  for (const [place, { text, storedAt }] of log.entries())
    expect(lines[place + 1]).toBe(`{"storedAt":"${storedAt}","event":${text}}`)
  for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow()
  expect(await checkLogFile(world.crypto, fileOf(whole()))).toEqual(JSON.parse(lines.at(-1) as string))
})

it('a log that was exported and imported is the same log, and exports as the same file', async () => {
  const receipts = receiptClock()
  const target = memoryStore(receipts.now)
  const copied = await copyLog(world.crypto, logFile(fileOf(whole())), target, { receipts })
  expect(copied).toMatchObject({
    events: log.length,
    root: (JSON.parse(lines.at(-1) as string) as { root: string }).root,
  })
  expect(target.events).toEqual(log)
  expect(await exported(target)).toBe(whole())
})

it('an empty log has a file, too', async () => {
  const text = await exported(memoryStore(() => ''))
  expect(await checkLogFile(world.crypto, fileOf(text))).toMatchObject({ events: 0 })
})

it('a log that does not hold is not exported to its end', async () => {
  const event = log[5] as StoredEvent
  const damaged = await copyOf(log, new Map([[event.id, event.text.replace('"money":', '"moneY":')]]))
  await expect(exported(damaged)).rejects.toMatchObject({
    code: 'CopyFailed',
    message: expect.stringContaining('log index 5'),
  })
})

describe('a file that was cut', () => {
  it('anywhere, is known for one', async () => {
    const octets = Buffer.from(whole())
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: octets.length - 1 }), async end => {
        expect(await refusal(octets.subarray(0, end))).toMatchObject({ code: 'LogFileRefused' })
      }),
      { numRuns: 60 },
    )
  })

  it('at the end of a line says after how many events', async () => {
    expect(await refusal(`${lines.slice(0, 8).join('\n')}\n`)).toMatchObject({
      message: expect.stringMatching(/cut after 7 events: its last line, which counts them, is not there\.$/),
    })
    expect(await refusal(lines.slice(0, 8).join('\n'))).toMatchObject({
      message: expect.stringMatching(/line 8: the file was cut within this line\.$/),
    })
  })
})

describe('a file that was altered', () => {
  it('in any octet, is refused', async () => {
    const octets = Buffer.from(whole())
    await fc.assert(
      fc.asyncProperty(fc.nat(octets.length - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
        const altered = Buffer.from(octets)
        altered[place] = (altered[place] as number) ^ change
        // The time of receipt is outside every hash: the store's word, and no more.
        const line = octets.subarray(0, place).toString().split('\n')
        const isReceipt = line.length > 1 && line.length < lines.length && (line.at(-1) as string).length < 38
        const error = await checkLogFile(world.crypto, fileOf(altered)).then(
          () => undefined,
          (error: Error) => error,
        )
        if (!isReceipt) expect(error).toMatchObject({ code: 'LogFileRefused' })
        else if (error) expect(error).toMatchObject({ code: 'LogFileRefused' })
      }),
      { numRuns: 150 },
    )
  })

  const altered = (change: (lines: string[]) => unknown): string => {
    const copy = [...lines]
    change(copy)
    return `${copy.join('\n')}\n`
  }
  const end = (count: number) => `{"events":${count},"root":"${'0'.repeat(64)}"}`
  it.each<[string, () => string | Uint8Array, RegExp]>([
    ['an event left out', () => altered(all => all.splice(6, 1)), /: .*(expected revision|prev|holds \d+ events)/],
    ['two events in the other order', () => altered(all => all.splice(5, 2, all[6] as string, all[5] as string)), /./],
    ['an event twice', () => altered(all => all.splice(6, 0, all[6] as string)), /expected revision/],
    ['another count', () => altered(all => all.splice(-1, 1, end(1))), /holds \d+ events, and its last line counts 1/],
    ['another root', () => altered(all => all.splice(-1, 1, end(all.length - 2))), /have the root .* says 000/],
    ['something after its end', () => altered(all => all.push(all[1] as string)), /goes on after its last line/],
    ['another beginning', () => altered(all => all.splice(0, 1, '{"format":"tallystick-log-2"}')), /not an export/],
    ['nothing in it', () => '', /cut after 0 events/],
    ['a SQLite database instead', () => Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(200)]), /line 1/],
    [
      'octets that are not UTF-8',
      () => Buffer.concat([Buffer.from(`${lines[0]}\n`), Buffer.of(0xff, 0x0a)]),
      /line 2: not UTF-8/,
    ],
    ['a line without end', () => `${lines[0]}\n${'x'.repeat(1024 * 1024 + 101)}`, /line 2: longer than any event/],
    ['a time that is none', () => altered(all => all.splice(1, 1, (all[1] as string).replace('T', ' '))), /neither/],
    [
      'a deep event',
      () =>
        altered(all =>
          all.splice(
            1,
            1,
            `{"storedAt":"2026-11-23T09:00:00.000Z","event":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`,
          ),
        ),
      /line 2/,
    ],
  ])('%s is refused with its line', async (_, content, message) => {
    expect(await refusal(content())).toMatchObject({ code: 'LogFileRefused', message: expect.stringMatching(message) })
  })
})

it('long files are read a piece at a time, wherever the pieces end', async () => {
  const many = await makeWorld({ seed: 'long export' })
  for (let tap = 0; tap < 75; tap++) {
    orThrow(await many.key(100n))
    await many.tap('anna')
    many.clock.at += 61_000
  }
  orThrow(await many.sync())
  const text = await exported(many.log)
  expect(text.length).toBeGreaterThan(500_000)
  const file = fileOf(text)
  expect(await checkLogFile(many.crypto, file)).toMatchObject({ events: many.log.events.length })
  const again: StoredEvent[] = []
  for await (const page of logFile(file).readAll({ from: 3 })) again.push(...page)
  expect(again).toEqual(many.log.events.slice(3))
  expect(readFileSync(file, 'utf8')).toBe(text)
  await many.end()
})

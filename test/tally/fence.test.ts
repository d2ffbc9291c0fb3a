import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { base64url } from '#canonical/bytes'
import type { Fact, Vocabulary } from '#canonical/event'
import { chain } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import { openStore } from '#eventstore/open'
import { nodeCrypto } from '#machine/crypto'
import { sealKeys } from '#machine/keyfile'
import { enrolmentWords } from '#sync/events'
import { type Mode, modeOfLog, modeWords } from '#upkeep/mode'
import { keptInMemory, keysText, makeAuthorityKeys } from '../../apps/back-office/authority.ts'
import { foundCentre } from '../../apps/back-office/founding.ts'
import { office } from '../../apps/back-office/office.ts'
import { copyLog, type LogReader, receiptClock } from '../../apps/tally/copy.ts'
import { store as command } from '../../apps/tally/store.ts'
import { makeWorld } from '../simulation/world.ts'

/** A test centre and a live one, and what may go from the one to the other: nothing. */

const crypto = nodeCrypto()
const clock = { now: () => Date.UTC(2026, 10, 23, 9) }
const now = () => new Date(clock.now()).toISOString()
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tally-fence-'))
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})
const at = (name: string) => join(folder, name)

const filling = async (file: string, stream: string, words: Vocabulary, ...facts: Fact[]): Promise<void> => {
  const store = await openStore(file, now)
  const id = uuid7(clock.now(), crypto.random(16))
  const act = { id, at: now(), by: 'centre', correlation: id, causation: id }
  const salt = () => base64url(crypto.random(16))
  const written = chain(crypto, words, stream, undefined, facts, act, salt)
  await store.append(
    stream,
    'NoStream',
    written.map(({ event: { id, type }, text }) => ({ id, type, text })),
  )
  await store.close()
}
const found = (file: string, mode: Mode) =>
  filling(file, 'centre', modeWords, { type: 'CentreFounded', data: { mode } })
const invited = (mode: Mode) => ({
  type: 'TerminalInvited',
  data: { terminal: 'T-1', shop: 's-1', merchant: 'm-1', mode, codeHash: 'ab'.repeat(32), expires: now() },
})
const starting = async (file: string, mode: Mode) => {
  const store = await openStore(file, now)
  try {
    await foundCentre(office(store, crypto, clock, keptInMemory(makeAuthorityKeys(crypto, 1_790_000_000, mode))))
  } finally {
    await store.close()
  }
}
const ofLog = async (file: string) => {
  const store = await openStore(file, now, { readonly: true })
  const mode = await modeOfLog(store.readAll({ from: 0 }))
  await store.close()
  return mode
}
const tally = async (...args: string[]): Promise<string> => {
  const out: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation(text => out.push(text.toString()) > 0)
  expect(await command(args)).toBe(0)
  vi.restoreAllMocks()
  return out.join('')
}
const mixed = (...args: string[]) => expect(command(args)).rejects

it('a centre says once of what it is, and no other starts on its log', async () => {
  await starting(at('log.sqlite'), 'live')
  await starting(at('log.sqlite'), 'live')
  expect(await ofLog(at('log.sqlite'))).toBe('live')
  await expect(starting(at('log.sqlite'), 'test')).rejects.toThrow(
    'This log is a live centre’s, and was to be a test one’s: start it with --mode live, or found a test centre in a folder, and on a log, of its own.',
  )
})

it('a log of before the word was known is of what its terminals were told', async () => {
  await filling(at('old.sqlite'), 'enrolment-T-1', enrolmentWords, invited('test'))
  await expect(starting(at('old.sqlite'), 'live')).rejects.toMatchObject({ code: 'ModeMismatch' })
  await starting(at('old.sqlite'), 'test')
  expect(await ofLog(at('old.sqlite'))).toBe('test')
})

it('what a terminal writes into its own stream says nothing of the centre', async () => {
  await filling(at('log.sqlite'), 'terminal-T-1', modeWords, { type: 'CentreFounded', data: { mode: 'live' } })
  expect(await ofLog(at('log.sqlite'))).toBeUndefined()
})

it('a log is not copied into another kind, nor beside the keys of one', async () => {
  await found(at('test.sqlite'), 'test')
  await found(at('live.sqlite'), 'live')
  await mixed('copy', '--from', at('test.sqlite'), '--to', at('live.sqlite')).toThrow(
    `${at('test.sqlite')} is of a test centre, and ${at('live.sqlite')} of a live one: test and live are not mixed, and nothing was written.`,
  )
  writeFileSync(at('keys.json'), keysText(makeAuthorityKeys(crypto, 1, 'live')))
  await mixed('copy', '--from', at('test.sqlite'), '--to', at('new.sqlite')).toMatchObject({ code: 'ModesMixed' })
  expect(existsSync(at('new.sqlite'))).toBe(false)
  writeFileSync(at('keys.json'), keysText(makeAuthorityKeys(crypto, 1, 'test')))
  expect(await tally('copy', '--from', at('test.sqlite'), '--to', at('new.sqlite'))).toMatch(/: 1 events/)
})

it('a test terminal’s log is not imported into a live centre', async () => {
  const world = await makeWorld({ seed: 'fence' })
  const receipts = receiptClock()
  const own = await openStore(at('terminal.sqlite'), receipts.now)
  await copyLog(crypto, world.shops.get('T-1')?.store as LogReader, own, { receipts })
  await own.close()
  await world.end()
  expect(await ofLog(at('terminal.sqlite'))).toBe('test')
  const lines = await tally('export', '--from', at('terminal.sqlite'))
  writeFileSync(at('terminal.jsonl'), lines)
  await found(at('live.sqlite'), 'live')
  await mixed('import', '--from', at('terminal.jsonl'), '--to', at('live.sqlite')).toMatchObject({ code: 'ModesMixed' })
  const open = JSON.parse(keysText(makeAuthorityKeys(crypto, 1, 'live'))) as Record<string, unknown>
  writeFileSync(at('keys.json'), sealKeys('{}', { mode: open['mode'] }, 'a passphrase'))
  await mixed('import', '--from', at('terminal.jsonl'), '--to', at('log.sqlite')).toThrow(`keys.json in ${folder}`)
  expect(existsSync(at('log.sqlite'))).toBe(false)
})

it('a backup is of one kind, and is put back into no other', async () => {
  writeFileSync(at('keys.json'), keysText(makeAuthorityKeys(crypto, 1, 'test')))
  await found(at('log.sqlite'), 'live')
  await mixed('backup', '--data', folder, '--to', at('b')).toThrow(
    /keys.json in .* is of a test centre, and .* of a live/,
  )
  expect(existsSync(at('b'))).toBe(false)
  rmSync(at('log.sqlite'))
  await found(at('log.sqlite'), 'test')
  await tally('backup', '--data', folder, '--to', at('b'))
  await found(at('live.sqlite'), 'live')
  const before = readFileSync(at('live.sqlite'))
  await mixed('restore', '--from', at('b'), '--to', at('back'), '--store', `sqlite:${at('live.sqlite')}`).toMatchObject(
    {
      code: 'ModesMixed',
    },
  )
  expect([existsSync(at('back')), readFileSync(at('live.sqlite')).equals(before)]).toEqual([false, true])
  await tally('restore', '--from', at('b'), '--to', at('back'))
  expect(await ofLog(at('back/log.sqlite'))).toBe('test')
})

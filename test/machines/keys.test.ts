import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import {
  ask,
  compile,
  endAll,
  endOf,
  eventually,
  freePorts,
  healthy,
  makePlace,
  program,
  type Running,
  run,
  withAdministrator,
} from './processes.ts'

/** A centre as a process whose keys lie in three places, and that is of one kind: what its operator types for that. */

const place = makePlace('keys')
beforeAll(compile)
afterEach(endAll)
afterAll(() => place.remove())

const at = (name: string) => join(place.path, name)
const centre = (port: number, ...more: string[]): Running =>
  run(
    'centre',
    program('dist/apps/back-office/main.js', [
      ...['--port', `${port}`, '--data', at('centre'), '--keys-passphrase', at('p')],
      ...withAdministrator(`http://127.0.0.1:${port}`, place.path),
      ...more,
    ]),
  )
const tally = async (...args: string[]) => {
  const one = run('tally', program('dist/apps/tally/main.js', args))
  const { code } = await endOf(one, 60_000)
  return { code, said: one.said() }
}
const refusedStart = async (...args: string[]): Promise<string> => {
  const one = centre(...([await freePorts(), ...args] as [number, ...string[]]))
  expect((await endOf(one)).code).toBe(1)
  return one.said()
}

it('a live centre stays live, its signer signs, and its root signs from elsewhere', async () => {
  writeFileSync(at('p'), 'of the keys\n')
  writeFileSync(at('r'), 'of the root\n')
  const card = [process.execPath, join(import.meta.dirname, '..', 'machine', 'signer.mjs'), at('card.json')]
  writeFileSync(at('signer.json'), JSON.stringify({ command: card, keys: { license: ['license'], log: ['log'] } }))
  const port = await freePorts()
  const url = `http://127.0.0.1:${port}`
  const first = centre(port, '--mode', 'live', '--signer', at('signer.json'))
  await healthy(first, url)
  await eventually(async () =>
    expect(await ask('GET', `${url}/api/health`)).toMatchObject({ mode: 'live', log: { signed: expect.any(Number) } }),
  )

  const out = await tally(
    'keys',
    'root',
    'out',
    '--data',
    at('centre'),
    '--keys-passphrase',
    at('p'),
    '--to',
    at('root.key'),
    '--root-passphrase',
    at('r'),
  )
  expect(out).toMatchObject({ code: 0, said: expect.stringContaining('carry it away') })
  const wants = { purpose: 'certificate', reason: 'its year is over' }
  expect(await ask('POST', `${url}/api/authority/keys`, wants)).toMatchObject({ keySet: 1, waitsForRoot: true })

  const asOperator = ['--centre', url, '--password-file', at('administrator-password')]
  expect(await tally('keys', 'root', 'unsigned', '--to', at('unsigned'), ...asOperator)).toMatchObject({
    code: 0,
    said: expect.stringContaining('Key set 2'),
  })
  const root = ['--root', at('root.key'), '--root-passphrase', at('r')]
  expect(await tally('keys', 'root', 'sign', ...root, '--from', at('unsigned'), '--to', at('signed'))).toMatchObject({
    code: 0,
  })
  expect(await tally('keys', 'root', 'bring', '--from', at('signed'), ...asOperator)).toMatchObject({
    code: 0,
    said: expect.stringContaining('Key set 2 is published'),
  })
  expect(await tally('keys', 'root', 'unsigned', '--to', at('none'), ...asOperator)).toMatchObject({
    code: 0,
    said: expect.stringContaining('Nothing waits for the root'),
  })
  expect(existsSync(at('none'))).toBe(false)
  expect(await ask('GET', `${url}/api/authority/key-set`)).toMatchObject({ version: 2 })
  await first.end()

  const keys = readFileSync(at('centre/keys.json'))
  expect(await refusedStart('--mode', 'test')).toMatch(
    /are those of a live centre, and this was to be a test one: start it with --mode live/,
  )
  expect(await refusedStart('--mode', 'real')).toMatch(/--mode takes test or live, not real/)
  // Another folder for keys, with none in it: the log says what it is before any are made.
  expect(await refusedStart('--mode', 'test', '--keys', at('new-keys'))).toMatch(/The log .* is that of a live centre/)
  expect(existsSync(at('new-keys/keys.json'))).toBe(false)
  expect(readFileSync(at('centre/keys.json')).equals(keys)).toBe(true)

  // With its card, and no word of a mode, it goes on as it was.
  const again = centre(port, '--signer', at('signer.json'))
  expect(await healthy(again, url)).toMatchObject({ mode: 'live', status: 'ok' })
})

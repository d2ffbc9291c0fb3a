import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { openStore, readAddress } from '#eventstore/open'
import { openSqlite } from '#eventstore/sqlite'

const folder = mkdtempSync(join(tmpdir(), 'tallystick-open-'))
afterAll(() => rmSync(folder, { recursive: true }))
const now = () => '2026-11-23T09:00:00.000Z'
const refusal = (act: () => unknown): Promise<{ code?: string; message: string }> =>
  Promise.resolve()
    .then(act)
    .then(
      () => expect.fail('it was opened'),
      (error: Error) => error,
    )

describe('an address', () => {
  it.each([
    ['log.sqlite', 'sqlite', resolve('log.sqlite')],
    ['./data/log.sqlite', 'sqlite', resolve('data/log.sqlite')],
    ['sqlite:data/log.sqlite', 'sqlite', resolve('data/log.sqlite')],
    ['sqlite:/var/log.sqlite', 'sqlite', '/var/log.sqlite'],
    ['sqlite:///var/log.sqlite', 'sqlite', '/var/log.sqlite'],
    ['sqlite::memory:', 'sqlite', resolve(':memory:')],
    ['postgres://localhost/books', 'postgres', 'postgres://localhost/books'],
    [
      'postgresql://ada:s%40cret@db.example:5433/books?sslmode=require',
      'postgres',
      'postgresql://db.example:5433/books',
    ],
    ['postgres://ada:secret@[::1]:5433/books', 'postgres', 'postgres://[::1]:5433/books'],
    ['postgres:///books?host=/run/postgresql', 'postgres', 'postgres:///books'],
    ['kurrentdb://127.0.0.1:2113?tls=false', 'kurrentdb', 'kurrentdb://127.0.0.1:2113'],
    ['kurrentdb://admin:secret@n1:2113,n2:2113,n3:2113?tls=true', 'kurrentdb', 'kurrentdb://n1:2113,n2:2113,n3:2113'],
    ['kurrentdb+discover://admin:secret@cluster.example', 'kurrentdb', 'kurrentdb+discover://cluster.example'],
  ])('%s leads to %s', (address, engine, name) => {
    expect(readAddress(address)).toMatchObject({ engine, name })
  })

  it.each([
    ['mysql://ada:secret@host/books', /^mysql: is no engine of a log: give sqlite:FILE, postgres:.* or kurrentdb:/],
    ['https://ada:secret@host', /^https: is no engine/],
    ['esdb://ada:secret@host', /^esdb: is no engine/],
    ['', /^A SQLite log is a file: give sqlite:FILE/],
    ['sqlite:', /^A SQLite log is a file/],
    ['sqlite://host/log.sqlite', /^A SQLite log is a file/],
    ['log\0.sqlite', /^A SQLite log is a file/],
    ['postgres://ada:se@cret@host/books', /^The postgres: address cannot be taken apart: .* as %XX/],
    ['postgres://ada:se/secret@host/books', /^The postgres: address cannot/],
    ['postgres://ada:se?secret@host/books', /^The postgres: address cannot/],
    ['postgres://ada:se#secret@host/books', /^The postgres: address cannot/],
    ['kurrentdb://ada:se@secret@host', /^The kurrentdb: address cannot/],
    ['kurrentdb://ada:secret@host?tsl=false', /^kurrentdb:\/\/host: the KurrentDB client knows no option tsl/],
  ])('%j is refused in one line, without its secret', async (address, message) => {
    const error = await refusal(() => readAddress(address))
    expect(error).toMatchObject({ code: 'AddressRefused', message: expect.stringMatching(message) })
    expect(error.message).not.toMatch(/secret|cret@|\n/)
  })

  it.each([
    'kurrentdb://ada:secret@host:99999?tls=false',
    'kurrentdb://ada:secret@host:2113?tls=maybe',
    'kurrentdb://ada:secret@host:2113?nodePreference=x',
    'kurrentdb://ada:secret@host:2113?gossipTimeout=x',
    'kurrentdb://ada:secret@',
  ])('%s, which the KurrentDB client cannot read, is refused without its secret', async address => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const error = await refusal(() => openStore(address, now))
    expect(error).toMatchObject({ code: 'AddressRefused' })
    expect(error.message).not.toContain('secret')
    expect(warned.mock.calls).toEqual([])
    warned.mockRestore()
  })
})

describe('a SQLite log', () => {
  it('is made where it is not, and found again', async () => {
    const file = join(folder, 'log.sqlite')
    const store = await openStore(file, now)
    await store.append('s', 'NoStream', [{ id: '00000000-0000-4000-8000-000000000001', type: 'Noted', text: '{}' }])
    await store.close()
    const again = await openStore(`sqlite:${file}`, now, { readonly: true })
    expect([again.name, again.file]).toEqual([file, file])
    for await (const page of again.readAll({ from: 0 })) expect(page).toMatchObject([{ stream: 's', text: '{}' }])
    await again.close()
  })

  it('that is only to be read is not made, and a database of something else is told from a log', async () => {
    expect(await refusal(() => openStore(join(folder, 'none.sqlite'), now, { readonly: true }))).toMatchObject({
      code: 'StoreFailed',
      message: expect.stringContaining('none.sqlite was not opened'),
    })
    const db = openSqlite(join(folder, 'other.sqlite'))
    db.exec('create table letters (text text)')
    db.close()
    expect(await refusal(() => openStore(join(folder, 'other.sqlite'), now, { readonly: true }))).toMatchObject({
      code: 'StoreFailed',
      message: expect.stringMatching(/other\.sqlite was not opened: the file holds no log: /),
    })
  })
})

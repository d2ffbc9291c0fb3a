import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type KurrentDouble, kurrentDouble } from '../kurrentdb/double.ts'
import { accountsAt, beginCentre, openAccount } from './centres.ts'
import { compile, endAll, endOf, eventually, healthy, makePlace } from './processes.ts'

let double: KurrentDouble
const place = makePlace('kurrentdb-centre')
beforeAll(async () => {
  compile()
  double = await kurrentDouble({ nodes: 3 })
})
afterAll(async () => {
  await endAll()
  double.close()
  place.remove()
})

const centreAt = (name: string, store: string, data = place.folder(name)) => beginCentre(name, data, { store })
const open = (url: string, account: string) => openAccount(url, account, '500.00')

it('a centre keeps its log in a KurrentDB cluster: another leader, a kill, and rows that are lost harm nothing', async () => {
  const first = await centreAt('first', double.url)
  await healthy(first.one, first.url)
  await open(first.url, 'acc-1')
  double.lead(2)
  await open(first.url, 'acc-2')
  await eventually(async () => expect(await accountsAt(first.url)).toEqual(['acc-1', 'acc-2']))
  expect(double.log.of('account-acc-2')).toMatchObject({ state: 'there' })

  await first.one.kill()
  for (const end of ['', '-wal', '-shm']) rmSync(join(first.data, `rows.sqlite${end}`), { force: true })
  const again = await centreAt('again', double.url, first.data)
  await healthy(again.one, again.url)
  await eventually(async () => expect(await accountsAt(again.url)).toEqual(['acc-1', 'acc-2']))
  await again.one.end()
  expect(await again.one.ended).toEqual({ code: 0, signal: null })
})

it.each([
  ['mysql://ada:secret@host/books', /mysql: is no engine of a log: give sqlite:FILE, postgres:/],
  ['kurrentdb://ada:secret@host:x?tls=false', /The kurrentdb: address cannot be taken apart/],
  ['kurrentdb://ada:secret@host?tsl=false', /the KurrentDB client knows no option tsl/],
  ['postgres://ada:se/secret@host/books', /The postgres: address cannot be taken apart/],
])('%s is refused in one line that does not repeat the secret', async (store, message) => {
  const { one, data } = await centreAt(`refused-${store.length}`, store)
  expect(await endOf(one)).toEqual({ code: 1, signal: null })
  expect(one.said().trim().split('\n')).toEqual([expect.stringMatching(message)])
  expect(one.said()).not.toContain('secret')
  expect(readdirSync(data)).toEqual([])
})

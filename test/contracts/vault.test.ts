import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { memoryVault } from '#eventstore/memory/vault'
import { sqliteVault } from '#eventstore/sqlite/vault'
import { vaultContract } from './vault.contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'tallystick-vault-'))
afterAll(() => rmSync(folder, { recursive: true }))

const memory = memoryVault()
vaultContract('memory', async () => ({ vault: memory, close: () => {} }))
vaultContract('SQLite', async () => {
  const vault = sqliteVault(join(folder, 'vault.sqlite'))
  return { vault, close: vault.close }
})

it('no octet of an erased person is left in any file of the vault', async () => {
  const place = mkdtempSync(join(folder, 'octets-'))
  const vault = sqliteVault(join(place, 'vault.sqlite'))
  const octets = () =>
    readdirSync(place)
      .map(name => readFileSync(join(place, name), 'latin1'))
      .join('')
  for (let count = 0; count < 200; count++)
    await vault.put(`acc-${count}`, 0, `Person-${count}-${'x'.repeat(count * 7)}`, `person-${count}`)
  for (let version = 1; version < 4; version++)
    await vault.put('acc-77', version, `Marta-Unverwechselbar-${version}`, 'marta')
  expect(octets()).toContain('Marta-Unverwechselbar')
  await vault.erase('acc-77', 'today')
  for (const word of ['Marta-Unverwechselbar', 'marta', 'Person-77-']) expect(octets()).not.toContain(word)
  expect(octets()).toContain('Person-78-')
  vault.close()
})

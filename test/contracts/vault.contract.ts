import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Vault } from '#eventstore/vault'

export type OpenVault = { readonly vault: Vault; close(): void | Promise<void> }

/** What every keeper of people's data promises. `open` opens the same one each time. */
export const vaultContract = (name: string, open: () => Promise<OpenVault>): void => {
  describe(`people in ${name}`, () => {
    const opened: OpenVault[] = []
    let vault: Vault
    const another = async (): Promise<Vault> => {
      const one = await open()
      opened.push(one)
      return one.vault
    }
    beforeAll(async () => {
      vault = await another()
    })
    afterAll(async () => {
      for (const { close } of opened) await close()
    })

    it('are none at first', async () => expect(await vault.get('anna')).toBeUndefined())

    it('change from the version that was read, and from no other', async () => {
      expect(await vault.put('anna', 1, 'a', 'anna')).toBe(false)
      expect(await vault.put('anna', 0, 'a', 'anna')).toBe(true)
      expect(await vault.put('anna', 0, 'b', 'anna')).toBe(false)
      expect(await vault.put('anna', 1, 'c', 'anna kern')).toBe(true)
      expect(await vault.put('anna', 1, 'd', 'anna')).toBe(false)
      expect(await vault.get('anna')).toEqual({ version: 2, text: 'c' })
    })

    it('are found by their words, by key, and so many', async () => {
      await vault.put('b-2', 0, 'two', 'kern_100%')
      await vault.put('b-1', 0, 'one', 'bert kern')
      expect((await vault.find('kern', 10)).map(({ key }) => key)).toEqual(['anna', 'b-1', 'b-2'])
      expect((await vault.find('kern', 2)).map(({ key }) => key)).toEqual(['anna', 'b-1'])
      expect((await vault.find('n_1', 10)).map(({ key }) => key)).toEqual(['b-2'])
      expect((await vault.find('%', 10)).map(({ key }) => key)).toEqual(['b-2'])
      expect(await vault.find("'; drop table people", 10)).toEqual([])
    })

    it('are erased for good, once, and not put back', async () => {
      expect(await vault.erased('anna')).toBeUndefined()
      expect(await vault.erase('anna', 'today')).toBe(true)
      expect(await vault.erase('anna', 'tomorrow')).toBe(false)
      expect(await vault.erased('anna')).toBe('today')
      expect(await vault.get('anna')).toBeUndefined()
      expect(await vault.find('anna', 10)).toEqual([])
      expect(await vault.put('anna', 0, 'a', 'anna')).toBe(false)
      expect(await vault.get('b-1')).toMatchObject({ text: 'one' })
    })

    it('of whom nothing was known may be erased too', async () => {
      expect(await vault.erase('zoe', 'today')).toBe(true)
      expect(await vault.put('zoe', 0, 'z', 'zoe')).toBe(false)
    })

    it('are there, and are gone, when the vault is opened again', async () => {
      const again = await another()
      expect(await again.get('b-1')).toMatchObject({ text: 'one' })
      expect(await again.erased('anna')).toBe('today')
    })
  })
}

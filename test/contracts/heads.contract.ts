import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Heads } from '#eventstore/heads'

export type OpenHeads = { readonly heads: Heads; close(): void | Promise<void> }

/** What every keeper of signed heads promises. `open` opens the same ones each time. */
export const headsContract = (name: string, open: () => Promise<OpenHeads>): void => {
  describe(`heads in ${name}`, () => {
    const opened: OpenHeads[] = []
    let heads: Heads
    const another = async (): Promise<Heads> => {
      const one = await open()
      opened.push(one)
      return one.heads
    }
    beforeAll(async () => {
      heads = await another()
    })
    afterAll(async () => {
      for (const { close } of opened) await close()
    })

    it('are none at first', async () => expect(await heads.get('first')).toBeUndefined())

    it('change from what they were, and from nothing else', async () => {
      expect(await heads.replace('one', 'something', 'a')).toBe(false)
      expect(await heads.replace('one', undefined, 'a')).toBe(true)
      expect(await heads.replace('one', undefined, 'b')).toBe(false)
      expect(await heads.replace('one', 'b', 'c')).toBe(false)
      expect(await heads.get('one')).toBe('a')
      expect(await heads.replace('one', 'a', 'b\nwith a line\n\n\u2014 and a dash\n')).toBe(true)
      expect(await heads.get('one')).toBe('b\nwith a line\n\n\u2014 and a dash\n')
    })

    it('stand each for itself', async () => {
      expect(await heads.replace('two', undefined, 'x')).toBe(true)
      expect(await heads.get('one')).not.toBe('x')
      expect(await heads.get('two')).toBe('x')
    })

    it('of two signers at once have one last word at a time', async () => {
      const hands = [await another(), await another(), heads]
      const written: string[] = []
      const sign = async (hand: Heads, who: number): Promise<void> => {
        for (let turn = 0; turn < 20; ) {
          const was = await hand.get('race')
          const word = `${was ?? ''}${who}`
          if (!(await hand.replace('race', was, word))) continue
          written.push(word)
          turn += 1
        }
      }
      await Promise.all(hands.map(sign))
      // Every word continues the one before it: none was written over another that its signer had not seen.
      const last = (await heads.get('race')) as string
      expect(last).toHaveLength(60)
      for (const word of written) expect(last.startsWith(word)).toBe(true)
      expect(new Set(written).size).toBe(60)
    })

    it('are there when they are opened again', async () => {
      expect(await (await another()).get('two')).toBe('x')
    })
  })
}

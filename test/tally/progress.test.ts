import { describe, expect, it } from 'vitest'
import { memoryStore } from '#eventstore/memory'
import { lengthOf, progress } from '../../apps/tally/progress.ts'

const ofLength = async (length: number) => {
  const store = memoryStore(() => '')
  for (let place = 0; place < length; place++)
    await store.append('s', place === 0 ? 'NoStream' : place - 1, [
      { id: `00000000-0000-4000-8000-${String(place).padStart(12, '0')}`, type: 'Noted', text: '{}' },
    ])
  return store
}

describe('how many events a log holds', () => {
  it.each([0, 1, 2, 3, 4, 7, 8, 9, 31, 100, 1000])('%i, by few questions', async length => {
    const store = await ofLength(length)
    let asked = 0
    const readAll: typeof store.readAll = options => {
      asked += 1
      return store.readAll(options)
    }
    expect(await lengthOf({ readAll })).toBe(length)
    expect(asked).toBeLessThanOrEqual(2 + 2 * Math.ceil(Math.log2(length + 1)))
  })
})

describe('lines about long work', () => {
  const told = (total: number) => {
    const lines: string[] = []
    let at = 0
    const line = progress('copied', total, { write: text => lines.push(text), now_ms: () => at })
    return { lines, after: (ms: number, done: number) => ((at = ms), line(done)) }
  }

  it('say how far, how fast, and how long still, once a second', () => {
    const { lines, after } = told(1000)
    after(300, 10)
    after(1000, 100)
    after(1500, 150)
    after(2000, 400)
    expect(lines).toEqual([
      'copied 100 of 1000 events, 100/s, 9 s left\n',
      'copied 400 of 1000 events, 200/s, 3 s left\n',
    ])
  })

  it('say nothing of work that is done at once, and no time for a log that grew meanwhile', () => {
    const { lines, after } = told(10)
    after(400, 10)
    expect(lines).toEqual([])
    after(1000, 20)
    expect(lines).toEqual(['copied 20 of 20 events, 20/s\n'])
  })
})

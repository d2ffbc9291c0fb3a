import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { audit, differences, mustHappen } from '../town/audit.ts'
import { openEngine } from '../town/engines.ts'
import { figuresOf } from '../town/figures.ts'
import { liveMonth } from '../town/month.ts'
import { smallTown } from '../town/people.ts'
import { replay } from '../town/replay.ts'

/** A share of what `npm run sim -- --town` does. */

const folder = mkdtempSync(join(tmpdir(), 'tallystick-town-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('a month of a small town ends with the books that an oracle figured by hand', async () => {
  const month = await liveMonth('a small town', { ...smallTown, taps: 4000 })
  try {
    expect(await audit(month)).toEqual([])
    // What never happened proves nothing.
    expect(mustHappen.filter(name => !month.counts[name])).toEqual([])
    expect(month.counts['tap']).toBeGreaterThan(3500)
    console.log(
      Object.entries(month.counts)
        .map(([name, count]) => `${String(count).padStart(7)}  ${name}`)
        .join('\n'),
    )
  } finally {
    await month.centres.end()
  }
}, 400_000)

it.each([
  ['memory', 2, 7, 3],
  ['sqlite', 1, 1000, 9],
] as const)(
  'another centre on %s, nodes: %i, batches of %i and order %i of arrival, makes the same of it',
  async (kind, nodes, batch, order) => {
    const month = await liveMonth('a smaller town', { ...smallTown, phones: 120, taps: 400 })
    const lived = await figuresOf(month.rows, month.crypto)
    await month.centres.end()
    const clock = { at: 0, now: () => clock.at }
    const now = () => new Date(clock.at).toISOString()
    const { engine, close } = await openEngine(kind, { folder, postgres: '', name: `month_${order}`, nodes, now })
    const { figures, books, left } = await replay(month, { engine, batch, order, clock })
    await close()
    expect(differences(books, month)).toEqual([])
    expect(figures).toEqual(lived)
    expect(left).toBe(0)
  },
  200_000,
)

import type { EventStore } from '#eventstore'

/** How many events a log holds now: asked for one event at a time, at places that double and then halve. */
export const lengthOf = async (store: Pick<EventStore, 'readAll'>): Promise<number> => {
  const holds = async (index: number): Promise<boolean> => {
    for await (const page of store.readAll({ from: index, pageSize: 1 })) return page.length > 0
    return false
  }
  let [there, beyond] = [-1, 0]
  while (await holds(beyond)) {
    there = beyond
    beyond = beyond * 2 + 1
  }
  while (beyond - there > 1) {
    const middle = Math.floor((there + beyond) / 2)
    if (await holds(middle)) there = middle
    else beyond = middle
  }
  return beyond
}

export type Progress = (done: number) => void

/**
 * Lines about long work: how many events of how many, how many a second, how many seconds are left. One a second at
 * most, and none for what is over before the first.
 */
export const progress = (
  what: string,
  total: number,
  {
    unit = 'events',
    write = (line: string): unknown => process.stderr.write(line),
    now_ms = (): number => performance.now(),
  } = {},
): Progress => {
  const began = now_ms()
  let told = began
  return done => {
    const at = now_ms()
    if (at - told < 1000) return
    told = at
    const rate = done / ((at - began) / 1000)
    const left = rate > 0 && total > done ? `, ${Math.ceil((total - done) / rate)} s left` : ''
    write(`${what} ${done} of ${Math.max(done, total)} ${unit}, ${Math.round(rate)}/s${left}\n`)
  }
}

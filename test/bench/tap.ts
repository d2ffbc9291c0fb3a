import { exactly, percentile, type Row } from './measure.ts'
import { type Shop, steps } from './shop.ts'

/** Compilers and caches are warm after these. */
export const warmUp = 100

export const tap = async (shop: Shop, fsyncs: () => Promise<number | undefined>): Promise<Row> => {
  const taps = shop.taps.slice(warmUp)
  const each = (of: (times: (typeof taps)[number]) => number) => taps.map(of)
  const figures: Row['figures'][number][] = []
  const percentiles = (what: string, values: readonly number[], targets: readonly [number, number] | [] = []) => {
    for (const [percent, target] of [
      [50, targets[0]],
      [95, undefined],
      [99, targets[1]],
    ] as const)
      figures.push({
        what: `${what}, p${percent}`,
        unit: 'ms',
        value: exactly(percentile(values, percent)),
        ...(target === undefined ? {} : { target: { atMost: target } }),
      })
  }
  for (const step of steps)
    figures.push({
      what: `step: ${step}`,
      unit: 'ms',
      value: {
        median: percentile(
          each(times => times.steps.get(step) ?? 0),
          50,
        ),
        min: percentile(
          each(times => times.steps.get(step) ?? 0),
          5,
        ),
        max: percentile(
          each(times => times.steps.get(step) ?? 0),
          95,
        ),
      },
    })
  percentiles(
    'of these, cryptography',
    each(times => times.crypto_ms),
  )
  percentiles(
    'field entry to approved',
    each(times => times.approved_ms),
  )
  percentiles(
    'whole tap, with what it makes for the next',
    each(times => times.whole_ms),
    [12, 40],
  )
  const counted = await fsyncs()
  figures.push({ what: 'appends', unit: 'a tap', value: exactly(shop.appends.length / shop.taps.length) })
  if (counted !== undefined)
    figures.push({ what: 'fsync and fdatasync, as the kernel saw them', unit: 'a tap', value: exactly(counted) })
  return {
    name: 'tap',
    what: "the terminal's own work in an approved tap, by step: p50 (p5 to p95)",
    durable: `two appends a tap, WAL, synchronous reads ${shop.synchronous} (2 is FULL)`,
    checked: 'every tap ended paid, with two appends and four messages; every event on disk verified by its hash',
    data: `${taps.length} taps after ${warmUp} to warm up, one terminal, phones in the same process, the phone's time taken off`,
    figures,
  }
}

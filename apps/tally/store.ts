import { parseArgs } from 'node:util'
import { nodeCrypto } from '#machine/crypto'
import { Usage } from '#machine/process'
import { openSource, sourceOptions } from './source.ts'

/** `tally store info` counts; `tally store export` writes every event's own text, one a line, in log order. */
export const store = async (args: readonly string[]): Promise<number> => {
  const { values, positionals } = parseArgs({ args: [...args], options: sourceOptions, allowPositionals: true })
  const [what] = positionals
  if (what !== 'info' && what !== 'export') throw new Usage('store takes info or export.')
  const source = openSource(nodeCrypto(), values)
  try {
    const streams = new Map<string, number>()
    const types = new Map<string, number>()
    let events = 0
    for await (const page of source.store.readAll({ from: 0 }))
      for (const { stream, type, text } of page) {
        events += 1
        if (what === 'export') process.stdout.write(`${text}\n`)
        const kind = stream.split('-')[0] as string
        streams.set(kind, (streams.get(kind) ?? 0) + 1)
        types.set(type, (types.get(type) ?? 0) + 1)
      }
    if (what === 'export') return 0
    const figures = {
      file: source.file,
      octets: source.store.size(),
      events,
      streams: Object.fromEntries(streams),
      types: Object.fromEntries(types),
    }
    if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
    else {
      process.stdout.write(`${figures.file}: ${events} events, ${figures.octets} octets\n`)
      for (const [type, count] of [...types].sort(([a], [b]) => (a < b ? -1 : 1)))
        process.stdout.write(`${String(count).padStart(8)}  ${type}\n`)
    }
    return 0
  } finally {
    source.store.close()
  }
}

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openShop } from './shop.ts'

/** Taps of the shorter and the longer run: what a tap adds is the difference, and what a start costs falls out. */
const [few, many] = [20, 120] as const

const tracer = 'strace'

/** The syncs of a whole shop's life, as strace saw them. */
const syncsIn = async (folder: string, taps: number): Promise<number> => {
  const trace = join(folder, `trace-${taps}`)
  const shop = join(folder, `traced-${taps}`)
  const calls = ['-f', '-qq', '-e', 'trace=fsync,fdatasync', '-e', 'signal=none', '-o', trace]
  const child = spawn(
    tracer,
    [...calls, process.execPath, ...process.execArgv, import.meta.filename, shop, `${taps}`],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  const [status] = (await once(child, 'exit')) as [number | null]
  if (status !== 0) throw new Error(`A shop under ${tracer} ended with ${status}`)
  return readFileSync(trace, 'utf8')
    .split('\n')
    .filter(line => /\bf(?:data)?sync\(/.test(line)).length
}

/** Undefined where strace is not installed, or may not trace. */
export const fsyncsOfTap = async (folder: string): Promise<number | undefined> => {
  if (spawnSync(tracer, ['-qq', '-e', 'trace=none', 'true']).status !== 0) return undefined
  return ((await syncsIn(folder, many)) - (await syncsIn(folder, few))) / (many - few)
}

if (import.meta.main) {
  const [folder, taps] = process.argv.slice(2)
  if (folder === undefined || taps === undefined) throw new Error('fsyncs.ts FOLDER TAPS')
  await openShop(folder, Number(taps))
}

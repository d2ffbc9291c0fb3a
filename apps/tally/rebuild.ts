import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Compared, compareAlone, mendAlone, type Wrong } from '#eventstore/alone'
import { openRows, readAddress, rowsAddress } from '#eventstore/open'
import { rebuild as rebuildOne } from '#eventstore/rebuild'
import type { Projection, Row } from '#eventstore/rows'
import { skipsIn } from '#evidence/skips'
import { nodeCrypto } from '#machine/crypto'
import { Usage } from '#machine/process'
import { projections } from '#projections'
import { whereaboutsOf } from '#projections/whereabouts'
import { type Progress, progress } from './progress.ts'
import { addressOf, centreFolder, openLog, sourceOptions } from './source.ts'

/**
 * `tally rebuild NAME|all`: a projection's rows folded again from the first event, beside those that the centre goes on
 * reading and following; compared with them, and put in their place. `--account` does it for one account's rows alone.
 * Exit 0 where nothing was wrong or all was put right, 1 where `--check` found what is wrong and left it.
 */
export class NoRows extends Error {
  readonly code = 'NoRows'
}

const chosen = (name: string | undefined, account: string | undefined): readonly Projection[] => {
  const alone = (projection: Projection) => account === undefined || projection.subjects !== undefined
  const able = projections.filter(alone)
  if (name === 'all') return able
  const one = able.find(projection => projection.name === name)
  if (one) return [one]
  const what = account === undefined ? 'rebuild takes a projection' : 'With --account, rebuild takes a projection'
  throw new Usage(`${what}, or all: ${able.map(({ name }) => name).join(', ')}.`)
}

const open = async (asked: { data?: string; store?: string; log?: string; rows?: string }) => {
  const folder = centreFolder(asked.data ?? './data')
  const at = rowsAddress({ rows: asked.rows, store: asked.store, folder })
  const { engine, place } = readAddress(at)
  if (engine === 'sqlite' && !existsSync(place))
    throw new NoRows(`There are no rows at ${place}: start the centre once, or name them with --rows ADDRESS.`)
  const store = await openLog(addressOf(asked))
  try {
    return { store, rows: await openRows(at) }
  } catch (error) {
    await store.close()
    throw error
  }
}

export const rebuild = async (args: readonly string[]): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...sourceOptions,
      account: { type: 'string' },
      check: { type: 'boolean', default: false },
    },
  })
  const { json, check, account } = values
  const these = chosen(positionals[0], account)
  const say = (figures: object, line: string): void => {
    process.stdout.write(json ? `${JSON.stringify(figures)}\n` : `${line}\n`)
  }
  const { store, rows } = await open(values)
  let left = 0
  try {
    const skips = skipsIn(store)
    for (const projection of these) {
      const { name } = projection
      const began = performance.now()
      const took_ms = () => Math.round(performance.now() - began)
      if (account !== undefined) {
        const whereabouts = (reader: Parameters<typeof whereaboutsOf>[0]) => whereaboutsOf(reader, account)
        const asked = { store, rows, projection, skips, subject: account, whereabouts }
        const compared = await (check ? compareAlone(asked) : mendAlone(asked))
        if (check) left += compared.wrong.length
        say(
          {
            projection: name,
            account,
            ...inJson(compared),
            mended: !check && compared.wrong.length > 0,
            took_ms: took_ms(),
          },
          inWords(name, account, compared, check),
        )
        continue
      }
      let shown: Progress | undefined
      const onProgress = (next: number, upTo: number) => {
        shown ??= progress(name, upTo)
        shown(next)
      }
      const done = await rebuildOne({ store, rows, projection, skips, crypto: nodeCrypto(), check, onProgress })
      if (check && !done.equal) left += 1
      say({ ...done, took_ms: took_ms() }, rebuiltInWords(done))
    }
  } finally {
    await rows.close()
    await store.close()
  }
  return left === 0 ? 0 : 1
}

const rebuiltInWords = ({ projection, next, equal, switched, generation }: Awaited<ReturnType<typeof rebuildOne>>) => {
  const compared = equal ? 'equal to the rows that were live' : 'the rows that were live DIFFER'
  const after = switched ? `generation ${generation} is live` : 'the live rows are as they were'
  return `${projection}: ${next} events folded again: ${compared}; ${after}`
}

const words = (row: Row | undefined): string =>
  row === undefined
    ? 'no row'
    : Object.entries(row)
        .map(([column, value]) => `${column} ${value}`)
        .join(', ')

const inWords = (name: string, account: string, { events, next, wrong }: Compared, check: boolean): string => {
  const head = `${name} of ${account}: ${events} of ${next} events folded alone: `
  if (wrong.length === 0) return `${head}equal`
  const lines = wrong.map(({ table, held, row }) => `\n  ${table}: was ${words(held)}; is ${words(row)}`)
  // Sums over all accounts are nobody's own.
  const sums =
    name === 'balances' ? '\n  the sums over all accounts were left: rebuild balances to have them folded again' : ''
  return `${head}${wrong.length} rows DIFFER, ${check ? 'left as they were' : 'put right'}${lines.join('')}${sums}`
}

const inJson = ({ events, next, wrong }: Compared) => ({ events, next, wrong: wrong.map(wrongInJson) })
const wrongInJson = ({ table, held, row }: Wrong) => ({ table, was: plain(held), is: plain(row) })
/** Integers of 64 bits as decimal strings: JSON has none. */
const plain = (row: Row | undefined) =>
  row === undefined
    ? null
    : Object.fromEntries(
        Object.entries(row).map(([column, value]) => [column, typeof value === 'bigint' ? `${value}` : value]),
      )

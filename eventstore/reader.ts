import type { Projection, Row, Rows, RowsReader } from '#eventstore/rows'
import { fingerprintOf, liveName, type Meant, meant, type Standing, tableOf } from './folding.ts'
import type { Question, Subset } from './sql.ts'

/** What an engine answers of one moment: the sets' standings as they were then, and rows. */
export type Moment = {
  standing(name: string): Standing | undefined
  answer(question: Question): Row[] | Promise<Row[]>
  /** The same, for more rows than memory should hold. */
  pages(question: Question): Iterable<readonly Row[]> | AsyncIterable<readonly Row[]>
}

/** The questions of `RowsReader`, asked in SQL. Rows that nobody has folded yet have no tables, and are none. */
export const readerOf = (sql: Subset, { standing, answer, pages }: Moment): RowsReader => {
  const ask = async <Answer>(
    projection: Projection,
    none: Answer,
    look: (rows: Meant) => Answer | Promise<Answer>,
  ): Promise<Answer> => {
    const rows = meant(projection, standing)
    return rows.standing ? look(rows) : none
  }
  return {
    checkpoint: async projection => meant(projection, standing).standing?.next ?? 0,
    generation: async projection => standing(liveName(projection))?.generation ?? 0,
    get: async (projection, table, key) => {
      tableOf(projection, table)
      return ask(projection, undefined as Row | undefined, async ({ generation }) => {
        const [row] = await answer(sql.get(projection, generation, table, key))
        return row
      })
    },
    select: async (projection, table, options) => {
      tableOf(projection, table)
      return ask(projection, [] as Row[], ({ generation }) =>
        answer(sql.select(projection, generation, table, options)),
      )
    },
    sums: async (projection, table, options) => {
      tableOf(projection, table)
      return ask(projection, [] as Row[], async ({ generation }) => {
        const groups = await answer(sql.sums(projection, generation, table, options))
        return groups.filter(row => row['count'] !== 0n)
      })
    },
    fingerprint: async (projection, crypto) => {
      const { generation, standing: at } = meant(projection, standing)
      return fingerprintOf(crypto, projection, ({ name }) =>
        at ? pages(sql.select(projection, generation, name)) : [],
      )
    },
  }
}

/** The same questions, each of a moment of its own. */
export const eachOfItsMoment = (snapshot: Rows['snapshot']): RowsReader => ({
  checkpoint: projection => snapshot(now => now.checkpoint(projection)),
  generation: projection => snapshot(now => now.generation(projection)),
  get: (projection, table, key) => snapshot(now => now.get(projection, table, key)),
  select: (projection, table, options) => snapshot(now => now.select(projection, table, options)),
  sums: (projection, table, options) => snapshot(now => now.sums(projection, table, options)),
  fingerprint: (projection, crypto) => snapshot(now => now.fingerprint(projection, crypto)),
})

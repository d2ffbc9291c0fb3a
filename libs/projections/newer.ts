import { intOf, moved, type Projection, type Row, type RowsReader, textOf } from '#eventstore/rows'
import { knownType, touchesMoney, tradeWords, understood } from '#ledger/vocabulary'
import { tillWords } from '#till/events'
import { terminalOf } from './terminals.ts'

/**
 * What newer writers wrote: events of a type, or of a shape of a type, that this version does not know. They are kept in
 * the log and skipped by every fold; here they are counted, by who wrote them, so that nobody is told a figure in full
 * that is not.
 */

/** No terminal is named so. */
const centre = ''

export const newer: Projection = {
  name: 'newer',
  version: 1,
  tables: [
    {
      name: 'newer',
      key: ['source', 'type', 'schema'],
      columns: {
        /** A terminal by its name; empty for the centre's own streams. */
        source: 'text',
        type: 'text',
        schema: 'int',
        /** 1 where a balance may lack something by it. */
        money: 'int',
        count: 'int',
        /** Log index of the first. */
        first: 'int',
      },
    },
  ],
  // The shape is told by the event and not by its type, so that each is looked at.
  wants: () => true,
  apply: event => {
    if (understood(event)) return []
    const { stream, type, index } = event
    const source = stream.startsWith('terminal-') ? terminalOf(stream) : centre
    const schema = BigInt(event.schema)
    const money = touchesMoney(event) ? 1n : 0n
    const none: Row = { source, type, schema, money, count: 0n, first: BigInt(index) }
    const change = (row: Row | undefined): Row => {
      const next = moved(row ?? none, { count: 1n })
      return money === 1n ? { ...next, money } : next
    }
    return [{ table: 'newer', key: [source, type, schema], change }]
  },
}

/* -------------------------------------------------------------- questions */

export type NewerAnswer = {
  /** A terminal, or null for the centre's own streams. */
  readonly terminal: string | null
  readonly type: string
  readonly schema: number
  /** May a balance lack something by it? */
  readonly money: boolean
  readonly count: number
  readonly firstIndex: number
}

export const newerEvents = async (rows: RowsReader): Promise<NewerAnswer[]> =>
  (await rows.select(newer, 'newer')).map(row => {
    const source = textOf(row, 'source')
    return {
      terminal: source === centre ? null : source,
      type: textOf(row, 'type'),
      schema: Number(intOf(row, 'schema')),
      money: intOf(row, 'money') === 1n,
      count: Number(intOf(row, 'count')),
      firstIndex: Number(intOf(row, 'first')),
    }
  })

/** How many events there are that a balance may lack something by, because this version cannot read them. */
export const notUnderstood = async (rows: RowsReader): Promise<number> => {
  const sums = await rows.sums(newer, 'newer', { column: 'count', by: [], where: { money: 1n } })
  return sums.reduce((sum, row) => sum + Number(intOf(row, 'sum')), 0)
}

/** Was something skipped that this version can read? Then all rows were folded by an older one, and are folded anew. */
export const outgrown = async (rows: RowsReader): Promise<boolean> =>
  (await newerEvents(rows)).some(
    ({ terminal, type, schema }) =>
      knownType(type) && schema <= tradeWords[type].schema && (terminal !== null) === Object.hasOwn(tillWords, type),
  )

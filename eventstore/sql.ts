import type { Column, Key, Projection, Range, RowsReader, Table, Value, Where } from '#eventstore/rows'
import { tableOf } from './folding.ts'

/** The one subset of SQL that rows are kept and asked in. An engine says only what a type or a placeholder is called. */
export type Dialect = {
  readonly types: Readonly<Record<Column, string>>
  /** Where the tables are: nothing, or a schema and a dot. */
  readonly within: string
  /** What stands behind a table's definition. */
  readonly kind: string
  /** The same for a table that grows. */
  readonly growing: string
  /** How a column is named in an index: null is before everything in both engines. */
  readonly indexed: (column: string) => string
  /** The n-th value of a statement, from 1. */
  readonly place: (n: number) => string
}

/** A question, and what comes back, column by column. */
export type Question = {
  readonly text: string
  readonly values: readonly Value[]
  readonly columns: readonly (readonly [name: string, kind: Column])[]
}

/** PostgreSQL cuts longer names off, without a word. */
const nameMax = 63

export const quoted = (name: string): string => {
  if (!/^[a-z][a-z0-9_]*$/.test(name) || name.length > nameMax)
    throw new RangeError(`${name} is not a name for rows: use a-z, 0-9 and _, up to ${nameMax}`)
  return `"${name}"`
}
export const list = (names: readonly string[]): string => names.map(quoted).join(', ')

const operators = { from: '>=', above: '>', to: '<=', below: '<' } as const

export const subset = ({ types, within, kind, growing, indexed, place }: Dialect) => {
  /** Generation 0 bears the name that rows had before there were others. */
  const bare = ({ name, version }: Projection, generation: number, table: string): string =>
    generation === 0 ? `${name}_${version}_${table}` : `${name}_${version}_g${generation}_${table}`
  const named = (projection: Projection, generation: number, table: string): string =>
    `${within}${quoted(bare(projection, generation, table))}`

  const definition = (
    projection: Projection,
    generation: number,
    { name, key, columns, indexes = [], grows }: Table,
  ) => {
    const lines = Object.entries(columns).map(
      ([column, kind]) => `${quoted(column)} ${types[kind]}${key.includes(column) ? ' not null' : ''}`,
    )
    const table = named(projection, generation, name)
    return [
      `create table if not exists ${table} (${lines.join(', ')}, primary key (${list(key)}))${grows ? growing : kind};`,
      ...indexes.map((index, nth) => {
        const by = quoted(`${bare(projection, generation, name)}_by_${nth}`)
        const columns = index.map(column => (key.includes(column) ? quoted(column) : indexed(quoted(column))))
        return `create index if not exists ${by} on ${table} (${columns.join(', ')});`
      }),
    ].join('\n')
  }

  const conditionOf = (where: Where = {}): { readonly text: string; readonly values: Value[] } => {
    const parts: string[] = []
    const values: Value[] = []
    const compared = (column: string, operator: string, value: Value) => {
      values.push(value)
      parts.push(`${quoted(column)} ${operator} ${place(values.length)}`)
    }
    for (const [column, condition] of Object.entries(where)) {
      if (condition === null) parts.push(`${quoted(column)} is null`)
      else if (typeof condition === 'object')
        for (const [kind, operator] of Object.entries(operators)) {
          const bound = condition[kind as keyof Range]
          if (bound !== undefined) compared(column, operator, bound)
        }
      else compared(column, '=', condition)
    }
    return { text: parts.length > 0 ? ` where ${parts.join(' and ')}` : '', values }
  }

  const ofKey = (key: readonly string[]): string =>
    ` where ${key.map((column, nth) => `${quoted(column)} = ${place(nth + 1)}`).join(' and ')}`
  const allOf = ({ columns }: Table) => ({ columns: Object.entries(columns), names: list(Object.keys(columns)) })

  return {
    named,
    ofKey,
    making: (projection: Projection, generation: number): string =>
      projection.tables.map(table => definition(projection, generation, table)).join('\n'),
    emptying: (projection: Projection, generation: number): string =>
      projection.tables.map(({ name }) => `delete from ${named(projection, generation, name)};`).join('\n'),
    dropping: (projection: Projection, generation: number): string =>
      projection.tables.map(({ name }) => `drop table if exists ${named(projection, generation, name)};`).join('\n'),

    get: (projection: Projection, generation: number, name: string, key: Key): Question => {
      const table = tableOf(projection, name)
      const { columns, names } = allOf(table)
      return {
        text: `select ${names} from ${named(projection, generation, name)}${ofKey(table.key)}`,
        values: key,
        columns,
      }
    },
    select: (
      projection: Projection,
      generation: number,
      name: string,
      { where, order = [], limit }: NonNullable<Parameters<RowsReader['select']>[2]> = {},
    ): Question => {
      const table = tableOf(projection, name)
      const { columns, names } = allOf(table)
      const { text, values } = conditionOf(where)
      const sorted = [
        ...order.map(([column, direction]) => {
          const nulls = direction === 'up' ? 'asc nulls first' : 'desc nulls last'
          // A key holds no null, and its index is asked without a word about them.
          return `${quoted(column)} ${table.key.includes(column) ? nulls.split(' ')[0] : nulls}`
        }),
        ...table.key.filter(column => !order.some(([ordered]) => ordered === column)).map(quoted),
      ]
      const cut = limit === undefined ? '' : ` limit ${Math.trunc(limit)}`
      return {
        text: `select ${names} from ${named(projection, generation, name)}${text} order by ${sorted.join(', ')}${cut}`,
        values,
        columns,
      }
    },
    sums: (
      projection: Projection,
      generation: number,
      name: string,
      { column, by, where }: Parameters<RowsReader['sums']>[2],
    ): Question => {
      const table = tableOf(projection, name)
      const { text, values } = conditionOf(where)
      const groups = by.map(quoted)
      const sum = `sum(${quoted(column)}) as sum`
      const sorted = by.map(each => (table.key.includes(each) ? quoted(each) : `${quoted(each)} asc nulls first`))
      const grouped = by.length === 0 ? '' : ` group by ${groups.join(', ')} order by ${sorted.join(', ')}`
      return {
        text: `select ${[...groups, sum].join(', ')}, count(*) as count from ${named(projection, generation, name)}${text}${grouped}`,
        values,
        columns: [...by.map(each => [each, table.columns[each] as Column] as const), ['sum', 'int'], ['count', 'int']],
      }
    },
  }
}

export type Subset = ReturnType<typeof subset>

import 'mantine-datatable/styles.css'
import { Stack } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { DataTable } from 'mantine-datatable'
import type { ReactNode } from 'react'
import classes from './screens.module.css'

export interface Column<Row> {
  readonly name: string
  readonly title: string
  readonly cell: (row: Row) => ReactNode
  /** Figures stand right, so that their digits line up. */
  readonly figure?: boolean
  /** Names of people's things may take two lines; ids, dates and figures never break. */
  readonly wraps?: boolean
}

/**
 * Rows as a table where there is room and as cards where there is not. The first column names the row and holds its
 * link: a row is opened by keyboard there, and by a click anywhere.
 */
export const List = <Row,>({
  label,
  rows,
  keyOf,
  columns,
  open,
}: {
  readonly label: string
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  readonly columns: readonly Column<Row>[]
  readonly open?: (row: Row) => void
}) => {
  const wide = useMediaQuery('(min-width: 56em)', true, { getInitialValueInEffect: false })
  if (!wide)
    return (
      <Stack gap="xs" component="ul" p={0} m={0} aria-label={label} style={{ listStyle: 'none' }}>
        {rows.map(row => (
          <li key={keyOf(row)} className={classes.card} data-testid={`row-${keyOf(row)}`}>
            <Card row={row} columns={columns} />
          </li>
        ))}
      </Stack>
    )
  return (
    <DataTable
      aria-label={label}
      withTableBorder
      borderRadius="md"
      verticalSpacing="xs"
      horizontalSpacing="md"
      minHeight={0}
      records={[...rows]}
      idAccessor={row => keyOf(row)}
      columns={columns.map(column => ({
        accessor: column.name,
        title: column.title,
        textAlign: column.figure ? ('right' as const) : ('left' as const),
        noWrap: !column.wraps,
        render: column.cell,
      }))}
      customRowAttributes={row => ({ 'data-testid': `row-${keyOf(row)}` })}
      {...(open ? { onRowClick: ({ record }: { record: Row }) => open(record) } : {})}
    />
  )
}

const Card = <Row,>({ row, columns }: { readonly row: Row; readonly columns: readonly Column<Row>[] }) => {
  const [first, ...others] = columns
  return (
    <>
      {first && <div className={classes.cardTitle}>{first.cell(row)}</div>}
      <dl style={{ margin: 0 }}>
        {others.map(column => {
          const told = column.cell(row)
          // What a table leaves blank to keep its columns, a card need not name.
          if (told === '' || told === null) return null
          return (
            <div key={column.name} className={classes.pair}>
              <dt>{column.title}</dt>
              <dd>{told}</dd>
            </div>
          )
        })}
      </dl>
    </>
  )
}

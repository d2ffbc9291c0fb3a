import { Alert, Button, Group, Text } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { CircleCheck, TriangleAlert } from 'lucide-react'
import { useState } from 'react'
import { BusinessDate, Instant } from '#screens/age'
import { ask, wordsOf } from '#screens/api'
import { type Column, List } from '#screens/list'
import { Money } from '#screens/money'
import { Answered, Empty } from '#screens/states'
import type { Explained, ExplainedLine } from './answers.ts'

const columns = (of: Explained): readonly Column<ExplainedLine>[] => {
  const money = (amount: string) => <Money amount={amount} currency={of.currency} />
  const after = (name: string) => (each: ExplainedLine) => money(each.after[name] ?? '0')
  const isAccount = 'available' in of.figures
  return [
    { name: 'index', title: 'Index', cell: each => <b>{each.index}</b> },
    {
      name: 'event',
      title: 'Event and account',
      wraps: true,
      cell: each => (
        <>
          {each.type}
          <Text size="xs" style={{ overflowWrap: 'anywhere' }}>
            {each.posting}
          </Text>
        </>
      ),
    },
    {
      name: 'occurred',
      title: 'Occurred, booked',
      cell: each => (
        <>
          <Instant instant={each.occurred} />
          <Text size="xs">
            <BusinessDate date={each.bookingDate} />
          </Text>
        </>
      ),
    },
    {
      name: 'amount',
      title: 'Amount',
      figure: true,
      cell: each => (
        <>
          {each.side === null ? '' : each.side === 'debit' ? 'Dr ' : 'Cr '}
          {money(each.amount)}
        </>
      ),
    },
    ...(isAccount
      ? (['owed', 'held', 'available'] as const).map(name => ({
          name: `after-${name}`,
          title: `${name[0]?.toUpperCase()}${name.slice(1)} then`,
          figure: true,
          cell: after(name),
        }))
      : [{ name: 'after', title: 'Balance then', figure: true, cell: after('balance') }]),
  ]
}

/** Every posting behind a figure, a page at a time, the newest first; and the sum that proves it. */
export const ExplainedPostings = (props: {
  /** The API's question. */
  readonly path: string
  readonly search?: Readonly<Record<string, string | number | undefined>>
}) => {
  const [befores, setBefores] = useState<readonly number[]>([])
  const before = befores.at(-1)
  const search = { ...props.search, limit: 50, before }
  const query = useQuery({
    queryKey: [props.path, search],
    queryFn: ({ signal }) => ask<Explained>(props.path, search, signal),
    placeholderData: keepPreviousData,
  })
  // A merchant that was just opened has no account in the book yet.
  if (query.data === undefined && wordsOf(query.error).reason === 'LedgerAccountUnknown') return <Nothing />
  return (
    <Answered query={query}>
      {answer =>
        answer.lines.length === 0 ? (
          <Nothing />
        ) : (
          <>
            <Proof of={answer} />
            <List
              label="Postings"
              rows={answer.lines}
              keyOf={each => `${each.index}-${each.posting}-${each.side ?? 'set'}-${each.amount}-${each.event}`}
              columns={columns(answer)}
            />
            {(befores.length > 0 || answer.next !== null) && (
              <Group>
                <Button
                  variant="default"
                  disabled={befores.length === 0}
                  onClick={() => setBefores(befores.slice(0, -1))}
                  data-testid="page-newer"
                >
                  Newer
                </Button>
                <Button
                  variant="default"
                  disabled={answer.next === null}
                  onClick={() => answer.next !== null && setBefores([...befores, answer.next])}
                  data-testid="page-older"
                >
                  Older
                </Button>
                <Text size="sm">Page {befores.length + 1}</Text>
              </Group>
            )}
          </>
        )
      }
    </Answered>
  )
}

const Nothing = () => (
  <Empty title="Nothing is posted here">The first event that moves one of these figures stands here.</Empty>
)

const Proof = ({ of: { proof } }: { readonly of: Explained }) => {
  const counted = Object.values(proof.sums).reduce((sum, { postings }) => sum + postings, 0)
  return proof.holds ? (
    <Text size="sm" data-testid="proof">
      <CircleCheck size={14} aria-hidden /> {counted} {counted === 1 ? 'posting comes' : 'postings come'} to these
      figures: {proof.says}
    </Text>
  ) : (
    <Alert
      color="red"
      variant="outline"
      title="The postings do not come to the figure"
      icon={<TriangleAlert size={20} aria-hidden />}
      data-testid="proof-fails"
    >
      {proof.says}. Run fsck on this centre, and rebuild its rows.
    </Alert>
  )
}

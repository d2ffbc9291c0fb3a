import { Anchor, Badge } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { Instant } from '#screens/age'
import type { Column } from '#screens/list'
import { Money } from '#screens/money'
import type { Transaction, TransactionState } from './answers.ts'

const colors: Readonly<Record<TransactionState, string>> = {
  accepted: 'green',
  held: 'orange',
  decided: 'blue',
  'partly reversed': 'gray',
  reversed: 'gray',
}

export const StateBadge = ({ state }: { readonly state: TransactionState }) => (
  <Badge variant="light" color={colors[state]} data-testid="transaction-state">
    {state}
  </Badge>
)

/** The beginning of a long id, enough to tell rows apart; the page of the row shows all of it. */
export const short = (id: string): string => (id.length > 12 ? `${id.slice(0, 10)}…` : id)

export const transactionColumns: readonly Column<Transaction>[] = [
  {
    name: 'transaction',
    title: 'Transaction',
    cell: each => (
      <Anchor
        component={Link}
        to={`/transactions/${encodeURIComponent(each.transaction)}`}
        ff="monospace"
        size="sm"
        fw={600}
        title={each.transaction}
      >
        {short(each.transaction)}
      </Anchor>
    ),
  },
  { name: 'occurred', title: 'Occurred', cell: each => <Instant instant={each.occurred} /> },
  { name: 'account', title: 'Account', cell: each => each.account },
  { name: 'merchant', title: 'Merchant', wraps: true, cell: each => each.merchant },
  { name: 'terminal', title: 'Terminal', cell: each => each.terminal },
  { name: 'state', title: 'State', cell: each => <StateBadge state={each.state} /> },
  {
    name: 'amount',
    title: 'Amount',
    figure: true,
    cell: each => <Money amount={each.amount} currency={each.currency} />,
  },
]

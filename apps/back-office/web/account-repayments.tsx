import { Badge, Button, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { order } from '#screens/api'
import { type Column, List } from '#screens/list'
import { Money } from '#screens/money'
import classes from './office.module.css'
import { OrderForm } from './order-form.tsx'
import { Allowed } from './session.tsx'

export interface Repayment {
  readonly repayment: string
  readonly amount: string
  readonly currency: string
  readonly source: string
  readonly isReturned: boolean
}

/** So many are shown at once, the newest first: an account of many years has hundreds. */
const shown = 10

/** What was paid back. One that the bank takes back is owed again when two people say so. */
export const AccountRepayments = ({ at, of }: { readonly at: string; readonly of: readonly Repayment[] }) => {
  const [asked, setAsked] = useState<Repayment>()
  const [all, setAll] = useState(false)
  const newest = of.toReversed()
  const columns: readonly Column<Repayment>[] = [
    {
      name: 'repayment',
      title: 'Repayment',
      wraps: true,
      cell: each => <b style={{ overflowWrap: 'anywhere' }}>{each.repayment}</b>,
    },
    { name: 'source', title: 'Came by', cell: each => each.source },
    {
      name: 'amount',
      title: 'Amount',
      figure: true,
      cell: each => <Money amount={each.amount} currency={each.currency} />,
    },
    {
      name: 'return',
      title: 'Returned?',
      cell: each =>
        each.isReturned ? (
          <Badge variant="default">returned</Badge>
        ) : (
          <Allowed to="clerk">
            <Button
              size="xs"
              variant="default"
              aria-label={`Return ${each.repayment}`}
              onClick={() => setAsked(each)}
              data-testid="repayment-return"
            >
              Return
            </Button>
          </Allowed>
        ),
    },
  ]
  if (of.length === 0) return null
  return (
    <section className={classes.panel} aria-label="Repayments">
      <Title order={2} size="h4" mb="xs">
        Repayments
      </Title>
      <List
        label="Repayments"
        rows={all ? newest : newest.slice(0, shown)}
        keyOf={each => each.repayment}
        columns={columns}
      />
      {!all && of.length > shown && (
        <Button variant="subtle" mt="xs" onClick={() => setAll(true)}>
          All {of.length}
        </Button>
      )}
      {asked && (
        <OrderForm
          name="return"
          title="Propose a return"
          confirm="Propose it"
          failed="Nothing was done"
          grave
          close={() => setAsked(undefined)}
          send={({ reason, key }) =>
            order(`${at}/repayments/${encodeURIComponent(asked.repayment)}/return`, { reason }, key)
          }
        >
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            <Money amount={asked.amount} currency={asked.currency} /> of {asked.repayment} goes back by {asked.source},
            as when a bank takes a direct debit back. It is owed again when another person has approved it.
          </Text>
        </OrderForm>
      )}
    </section>
  )
}

import { Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type Column, List } from '#screens/list'
import { Answered, Empty } from '#screens/states'
import { type Aged, type Transaction, useAnswer } from './answers.ts'
import { Page } from './frame.tsx'
import { transactionColumns } from './transaction-columns.tsx'

const columns: readonly Column<Transaction>[] = transactionColumns.map(column =>
  column.name === 'state' ? { name: 'reason', title: 'Held because', cell: each => each.reason ?? 'not said' } : column,
)

/** Payments that failed a check of the centre: nobody owes, nobody is paid, until two people decide. */
export const HeldPage = () => {
  const query = useAnswer<Aged & { readonly transactions: readonly Transaction[] }>('/api/transactions', {
    state: 'held',
    limit: 100,
  })
  const navigate = useNavigate()
  return (
    <Page title="Held payments" answer={query.data} fetchedAt={query.dataUpdatedAt}>
      <Text maw={640}>
        These payments failed a check. Nobody owes them and nobody is paid for them until one person has proposed who
        bears them, and another has approved that. Open one to do so.
      </Text>
      <Answered query={query}>
        {({ transactions }) =>
          transactions.length === 0 ? (
            <Empty title="No payment is held">
              A payment stands here when it does not bear its payer’s signature or fails another check of the centre.
            </Empty>
          ) : (
            <List
              label="Held payments"
              rows={transactions}
              keyOf={each => each.transaction}
              columns={columns}
              open={each =>
                void navigate({ to: '/transactions/$transaction', params: { transaction: each.transaction } })
              }
            />
          )
        }
      </Answered>
    </Page>
  )
}

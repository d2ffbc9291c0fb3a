import { Button, Group, NativeSelect, TextInput } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { List } from '#screens/list'
import { Answered, Empty } from '#screens/states'
import { type Aged, type Transaction, transactionStates, useAnswer } from './answers.ts'
import { Page } from './frame.tsx'
import classes from './office.module.css'
import { type TransactionSearch, transactionSearch } from './search.ts'
import { transactionColumns } from './transaction-columns.tsx'

const pageSize = 25

export const TransactionsPage = () => {
  const search = useSearch({ from: '/transactions' })
  const navigate = useNavigate()
  const query = useAnswer<Aged & { readonly transactions: readonly Transaction[] }>('/api/transactions', {
    ...search,
    limit: pageSize,
  })
  const go = (next: TransactionSearch) => void navigate({ to: '/transactions', search: next })
  const filtered = search.account ?? search.terminal ?? search.state
  return (
    <Page title="Transactions" answer={query.data} fetchedAt={query.dataUpdatedAt}>
      <Filters key={JSON.stringify(search)} search={search} go={go} />
      <Answered query={query} lines={8}>
        {({ transactions }) => {
          const oldest = transactions.at(-1)
          return (
            <>
              {transactions.length === 0 ? (
                <Empty title={filtered ? 'No transaction fits these filters' : 'No transaction here'}>
                  {filtered
                    ? 'Clear a filter to see more.'
                    : 'A transaction stands here once a terminal has synced and the centre has given its verdict.'}
                </Empty>
              ) : (
                <List
                  label="Transactions"
                  rows={transactions}
                  keyOf={each => each.transaction}
                  columns={transactionColumns}
                  open={each =>
                    void navigate({ to: '/transactions/$transaction', params: { transaction: each.transaction } })
                  }
                />
              )}
              <Group justify="space-between">
                <Button
                  variant="default"
                  disabled={search.before === undefined}
                  onClick={() => go({ ...search, before: undefined })}
                  data-testid="newest"
                >
                  Newest
                </Button>
                <Button
                  variant="default"
                  disabled={transactions.length < pageSize || !oldest}
                  onClick={() => oldest && go({ ...search, before: oldest.index })}
                  data-testid="older"
                >
                  Older
                </Button>
              </Group>
            </>
          )
        }}
      </Answered>
    </Page>
  )
}

const Filters = (props: { readonly search: TransactionSearch; readonly go: (next: TransactionSearch) => void }) => {
  const { search, go } = props
  const [account, setAccount] = useState(search.account ?? '')
  const [terminal, setTerminal] = useState(search.terminal ?? '')
  const [state, setState] = useState<string>(search.state ?? '')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    go(transactionSearch({ account, terminal, state }))
  }
  return (
    <form onSubmit={submit} className={classes.filters}>
      <TextInput
        label="Account"
        value={account}
        onChange={event => setAccount(event.currentTarget.value)}
        data-testid="filter-account"
      />
      <TextInput
        label="Terminal"
        value={terminal}
        onChange={event => setTerminal(event.currentTarget.value)}
        data-testid="filter-terminal"
      />
      <NativeSelect
        label="State"
        value={state}
        onChange={event => {
          setState(event.currentTarget.value)
          go(transactionSearch({ account, terminal, state: event.currentTarget.value }))
        }}
        data={[{ value: '', label: 'any' }, ...transactionStates.map(each => ({ value: each, label: each }))]}
        data-testid="filter-state"
      />
      <Button type="submit" variant="default" data-testid="filter">
        Filter
      </Button>
      <Button variant="subtle" onClick={() => go({})} data-testid="filter-clear">
        Clear
      </Button>
    </form>
  )
}

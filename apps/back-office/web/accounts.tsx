import { Anchor, Badge, Button } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { type Column, List } from '#screens/list'
import { Money } from '#screens/money'
import { Answered, Empty } from '#screens/states'
import { type Account, type Aged, useAnswer } from './answers.ts'
import { FindPerson } from './find-person.tsx'
import { Page } from './frame.tsx'
import classes from './office.module.css'
import { Allowed } from './session.tsx'

const OpenAccount = lazy(() => import('./open-account.tsx').then(({ OpenAccount }) => ({ default: OpenAccount })))

const figure = (name: 'limit' | 'owed' | 'inDispute' | 'held', title: string): Column<Account> => ({
  name,
  title,
  figure: true,
  cell: each => <Money amount={each[name]} currency={each.currency} />,
})

const columns: readonly Column<Account>[] = [
  {
    name: 'account',
    title: 'Account',
    cell: each => (
      <Anchor component={Link} to={`/accounts/${encodeURIComponent(each.account)}`} size="sm" fw={600}>
        {each.account}
      </Anchor>
    ),
  },
  { name: 'state', title: 'State', cell: each => <Badge variant="default">{each.state}</Badge> },
  figure('limit', 'Limit'),
  figure('owed', 'Owed'),
  figure('inDispute', 'In dispute'),
  figure('held', 'Held for phones'),
  {
    name: 'available',
    title: 'Available',
    figure: true,
    cell: each => (
      <b className={each.available.startsWith('-') ? classes.over : ''}>
        <Money amount={each.available} currency={each.currency} testId={`available-${each.account}`} />
      </b>
    ),
  },
]

export const AccountsPage = () => {
  const query = useAnswer<Aged & { readonly accounts: readonly Account[] }>('/api/accounts')
  const navigate = useNavigate()
  const [opening, setOpening] = useState(false)
  return (
    <Page
      title="Accounts"
      answer={query.data}
      fetchedAt={query.dataUpdatedAt}
      actions={
        <Allowed to="clerk">
          <Button
            leftSection={<Plus size={18} aria-hidden />}
            onClick={() => setOpening(true)}
            data-testid="account-open"
          >
            Open an account
          </Button>
        </Allowed>
      }
    >
      <Allowed to="clerk">
        <FindPerson />
      </Allowed>
      <Answered query={query}>
        {({ accounts }) =>
          accounts.length === 0 ? (
            <Empty title="No account yet">An account appears when one is opened with a credit limit.</Empty>
          ) : (
            <List
              label="Accounts"
              rows={accounts}
              keyOf={each => `${each.account}-${each.currency}`}
              columns={columns}
              open={each => void navigate({ to: '/accounts/$account', params: { account: each.account } })}
            />
          )
        }
      </Answered>
      {opening && (
        <Suspense>
          <OpenAccount close={() => setOpening(false)} />
        </Suspense>
      )}
    </Page>
  )
}

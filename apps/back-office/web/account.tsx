import { Alert, Anchor, Button, Group, SegmentedControl, Text, TextInput, Title } from '@mantine/core'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { TriangleAlert } from 'lucide-react'
import { type FormEvent, Fragment, useState } from 'react'
import { Money } from '#screens/money'
import { Answered } from '#screens/states'
import { type AccountFile, AccountOrders } from './account-orders.tsx'
import { AccountPerson } from './account-person.tsx'
import { AccountPhones } from './account-phones.tsx'
import { AccountRepayments } from './account-repayments.tsx'
import { type Balance, useAnswer } from './answers.ts'
import { Equation } from './equation.tsx'
import { ExplainedPostings } from './explained.tsx'
import { Page } from './frame.tsx'
import { InvitePhone } from './invite-phone.tsx'
import classes from './office.module.css'
import type { BalanceSearch } from './search.ts'
import { Allowed } from './session.tsx'

export const AccountPage = () => {
  const { account } = useParams({ from: '/accounts/$account' })
  const search = useSearch({ from: '/accounts/$account' })
  const path = `/api/accounts/${encodeURIComponent(account)}`
  const balance = useAnswer<Balance>(`${path}/balance`, { ...search })
  const file = useAnswer<AccountFile>(path)
  return (
    <Page title={account} answer={balance.data} fetchedAt={balance.dataUpdatedAt}>
      <Anchor component={Link} to="/accounts" size="sm">
        All accounts
      </Anchor>
      <section className={classes.panel} aria-label="Balance">
        <Currencies
          account={account}
          search={search}
          of={file.data?.currencies.map(({ currency }) => currency) ?? []}
        />
        <Moment key={`${search.at}/${search.knownAt}`} account={account} search={search} />
        <Answered query={balance} lines={2}>
          {answer => (
            <>
              <Equation balance={answer} />
              <Caveats balance={answer} />
              <Allowed to="clerk">
                <Group mt="sm">
                  <InvitePhone account={account} currency={answer.currency} />
                </Group>
              </Allowed>
            </>
          )}
        </Answered>
      </section>
      {balance.data && <AccountOrders account={account} currency={balance.data.currency} query={file} />}
      <Allowed to="clerk">
        <AccountPerson key={account} account={account} />
      </Allowed>
      <AccountPhones account={account} />
      <AccountRepayments at={path} of={file.data?.repayments ?? []} />
      <Title order={2} size="h4" mt="sm">
        Postings
      </Title>
      <ExplainedPostings
        key={`${search.currency}/${search.at}/${search.knownAt}`}
        path={`${path}/explain`}
        search={{ ...search }}
      />
    </Page>
  )
}

/** Nothing is summed across currencies: one is looked at, and ordered in, at a time. */
const Currencies = (props: {
  readonly account: string
  readonly search: BalanceSearch
  readonly of: readonly string[]
}) => {
  const { account, search, of } = props
  const navigate = useNavigate()
  const [first] = of
  if (first === undefined || of.length < 2) return null
  return (
    <SegmentedControl
      mb="md"
      aria-label="Currency"
      data={[...of]}
      value={search.currency ?? first}
      onChange={currency =>
        void navigate({ to: '/accounts/$account', params: { account }, search: { ...search, currency } })
      }
      data-testid="account-currencies"
    />
  )
}

const two = (part: number) => String(part).padStart(2, '0')

/** An instant as a datetime-local input wants it: in the reader's own zone, without one. */
const local = (instant: string | undefined): string => {
  if (instant === undefined) return ''
  const at = new Date(instant)
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`
}

/** Which moment is asked about: what had occurred until then, and what was known at an index of the log. */
const Moment = ({ account, search }: { readonly account: string; readonly search: BalanceSearch }) => {
  const navigate = useNavigate()
  const [at, setAt] = useState(local(search.at))
  const [knownAt, setKnownAt] = useState(search.knownAt === undefined ? '' : String(search.knownAt))
  const go = (next: BalanceSearch) => void navigate({ to: '/accounts/$account', params: { account }, search: next })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    go({
      currency: search.currency,
      at: at === '' ? undefined : new Date(at).toISOString(),
      knownAt: /^\d+$/.test(knownAt) ? Number(knownAt) : undefined,
    })
  }
  return (
    <form onSubmit={submit} className={classes.filters} style={{ marginBottom: 20 }}>
      <TextInput
        type="datetime-local"
        label="As of"
        description="What had occurred until then"
        value={at}
        onChange={event => setAt(event.currentTarget.value)}
        data-testid="as-of-time"
      />
      <TextInput
        label="Known at index"
        description="What the log held by then"
        inputMode="numeric"
        placeholder="now"
        value={knownAt}
        onChange={event => setKnownAt(event.currentTarget.value.replace(/\D/g, ''))}
        data-testid="known-at"
      />
      <Button type="submit" variant="default" data-testid="balance-ask">
        Show
      </Button>
      {(search.at !== undefined || search.knownAt !== undefined) && (
        <Button variant="subtle" onClick={() => go({ currency: search.currency })} data-testid="balance-now">
          Back to now
        </Button>
      )}
    </form>
  )
}

const many = (count: number, one: string, more: string) => (count === 0 ? [] : [`${count} ${count === 1 ? one : more}`])

/** What the answer cannot say. A balance that leaves something out says so beside the figure. */
const Caveats = ({ balance }: { readonly balance: Balance }) => {
  const { silentTerminals, openGaps, notUnderstood } = balance.missing
  const missing = [
    ...many(silentTerminals, 'silent terminal', 'silent terminals'),
    ...many(openGaps, 'open gap', 'open gaps'),
    ...many(notUnderstood, 'event not understood', 'events not understood'),
  ]
  const across = balance.straddling ?? []
  if (missing.length === 0 && across.length === 0) return null
  return (
    <Alert
      color="orange"
      variant="outline"
      title="This balance may not be the whole of it"
      icon={<TriangleAlert size={20} aria-hidden />}
      data-testid="balance-missing"
    >
      {missing.length > 0 && <Text size="sm">Not known: {missing.join(', ')}.</Text>}
      {across.length > 0 && (
        <Text size="sm">
          May have occurred before or after the asked moment:{' '}
          {across.map((each, place) => (
            <Fragment key={`${each.event}-${each.posting}-${each.side}`}>
              {place > 0 && ', '}
              {each.type} of <Money amount={each.amount} currency={each.currency} />
            </Fragment>
          ))}
          .
        </Text>
      )}
    </Alert>
  )
}

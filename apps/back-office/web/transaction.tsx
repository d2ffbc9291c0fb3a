import { Anchor, Title } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { Fragment, lazy, type ReactNode, Suspense } from 'react'
import { BusinessDate, Instant } from '#screens/age'
import { Money } from '#screens/money'
import { Answered } from '#screens/states'
import { type Transaction, useAnswer } from './answers.ts'
import { Page } from './frame.tsx'
import classes from './office.module.css'
import { StateBadge, short } from './transaction-columns.tsx'

const Decide = lazy(() => import('./decide.tsx').then(({ Decide }) => ({ default: Decide })))

export const TransactionPage = () => {
  const { transaction } = useParams({ from: '/transactions/$transaction' })
  const query = useAnswer<Transaction>(`/api/transactions/${encodeURIComponent(transaction)}`)
  return (
    <Page title={`Transaction ${short(transaction)}`} fetchedAt={query.dataUpdatedAt}>
      <Anchor component={Link} to="/transactions" size="sm">
        All transactions
      </Anchor>
      <Answered query={query} lines={8}>
        {answer => (
          <>
            <section className={classes.panel} aria-label="Facts">
              <Facts answer={answer} />
            </section>
            {answer.state === 'held' && (
              <section className={classes.panel} aria-label="Decision">
                <Title order={2} size="h4" mb="sm">
                  Who bears this payment?
                </Title>
                <Suspense>
                  <Decide transaction={answer} />
                </Suspense>
              </section>
            )}
          </>
        )}
      </Answered>
    </Page>
  )
}

const Facts = ({ answer }: { readonly answer: Transaction }) => {
  const money = (amount: string) => <Money amount={amount} currency={answer.currency} />
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['State', <StateBadge key="state" state={answer.state} />],
    ...(answer.reason ? [['Reason', answer.reason] as const] : []),
    ['Amount', <b key="amount">{money(answer.amount)}</b>],
    ['Given back', money(answer.reversed)],
    ['Within the allowance', money(answer.within)],
    ['Beyond the allowance', money(answer.excess)],
    ['Fee', money(answer.fee)],
    [
      'Account',
      <Anchor key="account" component={Link} to={`/accounts/${encodeURIComponent(answer.account)}`}>
        {answer.account}
      </Anchor>,
    ],
    ['Merchant', answer.merchant],
    ['Shop', answer.shop],
    [
      'Terminal',
      <Anchor key="terminal" component={Link} to={`/transactions?terminal=${encodeURIComponent(answer.terminal)}`}>
        {answer.terminal}
      </Anchor>,
    ],
    ['Occurred', <Instant key="occurred" instant={answer.occurred} />],
    ['Business date', <BusinessDate key="business" date={answer.businessDate} />],
    ['Booked', <BusinessDate key="booked" date={answer.bookingDate} />],
    ['Log index', answer.index],
    ['Transaction', <code key="transaction">{answer.transaction}</code>],
    ['Payment hash', <code key="payment">{answer.payment}</code>],
  ]
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  )
}

import { Anchor, Title } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { Fragment, lazy, type ReactNode, Suspense } from 'react'
import { BusinessDate, Instant } from '#screens/age'
import { Money } from '#screens/money'
import { Answered } from '#screens/states'
import { type PaymentFile, useAnswer } from './answers.ts'
import { Page } from './frame.tsx'
import classes from './office.module.css'
import { StateBadge, short } from './transaction-columns.tsx'

const Decide = lazy(() => import('./decide.tsx').then(({ Decide }) => ({ default: Decide })))
const RefuseReversal = lazy(() => import('./decide.tsx').then(({ RefuseReversal }) => ({ default: RefuseReversal })))

export const TransactionPage = () => {
  const { transaction } = useParams({ from: '/transactions/$transaction' })
  const query = useAnswer<PaymentFile>(`/api/transactions/${encodeURIComponent(transaction)}`)
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
                  <Decide file={answer} />
                </Suspense>
              </section>
            )}
            {answer.heldReversals.length > 0 && (
              <section className={classes.panel} aria-label="Held reversals">
                <Title order={2} size="h4" mb="sm">
                  Asked back, and held
                </Title>
                <Suspense>
                  {answer.heldReversals.map(held => (
                    <RefuseReversal
                      key={held.reversal}
                      payment={answer.payment}
                      currency={answer.currency}
                      held={held}
                    />
                  ))}
                </Suspense>
              </section>
            )}
          </>
        )}
      </Answered>
    </Page>
  )
}

const Facts = ({ answer }: { readonly answer: PaymentFile }) => {
  const money = (amount: string) => <Money amount={amount} currency={answer.currency} />
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['State', <StateBadge key="state" state={answer.state} />],
    ...(answer.reason ? [['Reason', answer.reason] as const] : []),
    ['Amount', <b key="amount">{money(answer.amount)}</b>],
    ['Given back', money(answer.reversed)],
    ['Within the allowance', money(answer.within)],
    ['Beyond the allowance', money(answer.excess)],
    ...(answer.excessOwner
      ? [
          [
            'If the payer never pays that',
            answer.excessOwner === 'operator' ? 'we bear it' : 'the merchant bears it',
          ] as const,
        ]
      : []),
    ...(answer.exceptions.length > 0 ? [['Exceptions', answer.exceptions.join(', ')] as const] : []),
    ['Fee', money(answer.fee)],
    [
      'Account',
      <Anchor key="account" component={Link} to={`/accounts/${encodeURIComponent(answer.account)}`}>
        {answer.account}
      </Anchor>,
    ],
    [
      'Merchant',
      <Anchor key="merchant" component={Link} to={`/merchants/${encodeURIComponent(answer.merchant)}`}>
        {answer.merchant}
      </Anchor>,
    ],
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
    ...answer.reversals.map(
      each =>
        [
          each.kind === 'void' ? 'Voided' : 'Refunded',
          <Fragment key={each.reversal}>
            {money(each.amount)} at {each.terminal}, <Instant instant={each.occurred} />
          </Fragment>,
        ] as const,
    ),
    ...(answer.via === 'phone' ? [['Brought by', 'the phone, as its terminal was lost'] as const] : []),
    ...(answer.rule === null ? [] : [['Rule of the verdict', `version ${answer.rule}`] as const]),
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

import { Title } from '@mantine/core'
import { Link, useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { List } from '#screens/list'
import { Monies } from '#screens/money'
import { Answered, Empty } from '#screens/states'
import { type Overview, useAnswer } from './answers.ts'
import { Page } from './frame.tsx'
import classes from './office.module.css'
import { SignedLogFigure, SilentLog } from './signed-log.tsx'
import { StoppedFollowers } from './stopped.tsx'
import { transactionColumns } from './transaction-columns.tsx'

const Figure = (props: { readonly name: string; readonly to?: string; readonly children: ReactNode }) => {
  const inside = (
    <>
      <span>{props.name}</span>
      <b>{props.children}</b>
    </>
  )
  return props.to ? (
    <Link to={props.to} className={classes.figure}>
      {inside}
    </Link>
  ) : (
    <div className={classes.figure}>{inside}</div>
  )
}

/** What the centre knows now; it moves as taps arrive. */
export const OverviewPage = () => {
  const query = useAnswer<Overview>('/api/overview')
  const navigate = useNavigate()
  return (
    <Page title="Overview" answer={query.data} fetchedAt={query.dataUpdatedAt}>
      <Answered query={query} lines={8}>
        {overview => (
          <>
            <SilentLog />
            <StoppedFollowers />
            <div className={classes.figures}>
              <Figure name={`Takings of ${overview.businessDate}`}>
                <Monies amounts={overview.takingsToday} testId="figure-takings" />
              </Figure>
              <Figure name={`Transactions of ${overview.businessDate}`}>
                <span data-testid="figure-takings-count">
                  {overview.takingsToday.reduce((count, each) => count + each.count, 0)}
                </span>
              </Figure>
              <Figure name="Owed by payers">
                <Monies amounts={overview.owed} testId="figure-owed" />
              </Figure>
              <Figure name="Credit still available">
                <Monies amounts={overview.available} testId="figure-available" />
              </Figure>
              <Figure name="Fees earned">
                <Monies amounts={overview.fees} testId="figure-fees" />
              </Figure>
              <Figure name="Transactions accepted" to="/transactions">
                <span data-testid="figure-accepted">{overview.transactions.accepted}</span>
              </Figure>
              <Figure name="Payments held, to decide" to="/held">
                <span data-testid="figure-held">{overview.transactions.held}</span>
              </Figure>
              <Figure name="Exceptions open" to="/reconciliation">
                <span data-testid="figure-exceptions">{overview.exceptions}</span>
              </Figure>
              {overview.notUnderstood > 0 && (
                <Figure name="Events not understood" to="/terminals">
                  <span className={classes.over} data-testid="figure-not-understood">
                    {overview.notUnderstood}
                  </span>
                </Figure>
              )}
              <Figure name="Terminals, of them silent" to="/terminals">
                <span data-testid="figure-terminals">
                  {overview.terminals.count}, {overview.terminals.silent} silent
                </span>
              </Figure>
              <Figure name="Events signed">
                <SignedLogFigure />
              </Figure>
              <Figure name="Accounts" to="/accounts">
                <span data-testid="figure-accounts">{overview.accounts}</span>
              </Figure>
            </div>
            <Title order={2} size="h4" mt="sm">
              Recent transactions
            </Title>
            {overview.recent.length === 0 ? (
              <Empty title="No transaction has reached the centre">
                A phone taps a terminal, the terminal syncs, and the transaction stands here a moment later.
              </Empty>
            ) : (
              <List
                label="Recent transactions"
                rows={overview.recent}
                keyOf={each => each.transaction}
                columns={transactionColumns}
                open={each =>
                  void navigate({ to: '/transactions/$transaction', params: { transaction: each.transaction } })
                }
              />
            )}
          </>
        )}
      </Answered>
    </Page>
  )
}

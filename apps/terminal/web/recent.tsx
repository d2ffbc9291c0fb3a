import { Badge, Button, Group, Text, Title } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { Instant } from '#screens/age'
import { Money, writtenAmount } from '#screens/money'
import { Empty } from '#screens/states'
import type { OnItsWay, Reversal, Till, Transaction } from './answers.ts'
import { useSaid } from './said.ts'
import classes from './till.module.css'

const Reverse = lazy(() => import('./reverse.tsx').then(({ Reverse }) => ({ default: Reverse })))

const colors: Readonly<Record<Transaction['state'], string>> = {
  recorded: 'gray',
  queued: 'orange',
  sent: 'blue',
  accepted: 'green',
  held: 'yellow',
  refused: 'red',
}

const Receipt = lazy(() => import('./receipt.tsx').then(({ Receipt }) => ({ default: Receipt })))
const RefundReceipt = lazy(() => import('./receipt.tsx').then(({ RefundReceipt }) => ({ default: RefundReceipt })))

type Printed = { readonly of: 'transactions' | 'reversals'; readonly id: string }

const isWhole = (amount: string) => /^0*(\.0*)?$/.test(amount)

/** The newest transactions of this terminal, how far each has got, and what may be taken back. */
export const Recent = ({ till }: { readonly till: Till }) => {
  const [reversing, setReversing] = useState<{ what: 'void' | 'refund'; of: Transaction } | null>(null)
  const [receipt, setReceipt] = useState<Printed | null>(null)
  const [refunding, setRefunding] = useState(false)
  const said = useSaid()
  return (
    <>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4">
          {said('recent')}
        </Title>
        <Button size="compact-sm" variant="default" onClick={() => setRefunding(true)} data-testid="refund-receipt">
          {said('refundReceipt')}
        </Button>
      </Group>
      {till.recent.length + till.reversals.length === 0 ? (
        <Empty title={said('noneYet')}>{said('noneYetHint')}</Empty>
      ) : (
        <ul className={classes.rows}>
          {[...till.recent, ...till.reversals]
            .sort((a, b) => b.receiptNumber - a.receiptNumber)
            .slice(0, 20)
            .map(each =>
              'reversal' in each ? (
                <ReversalRow
                  key={each.reversal}
                  each={each}
                  print={() => setReceipt({ of: 'reversals', id: each.reversal })}
                />
              ) : (
                <Row
                  key={each.transaction}
                  each={each}
                  reverse={what => setReversing({ what, of: each })}
                  print={() => setReceipt({ of: 'transactions', id: each.transaction })}
                />
              ),
            )}
        </ul>
      )}
      <Suspense>
        {receipt !== null && <Receipt {...receipt} close={() => setReceipt(null)} />}
        {refunding && <RefundReceipt close={() => setRefunding(false)} />}
      </Suspense>
      {reversing && (
        <Suspense>
          <Reverse {...reversing} close={() => setReversing(null)} />
        </Suspense>
      )}
    </>
  )
}

/** How far it has got, and where the centre holds or refuses it, why and what to do. */
const Standing = ({ state, because }: OnItsWay) => {
  const said = useSaid()
  return (
    <>
      <Badge variant="light" color={colors[state]} data-testid="transaction-state">
        {said(`${state}State`)}
      </Badge>
      {because && (
        <Text span size="sm" data-testid="transaction-because" data-reason={because.reason}>
          {because.say} {because.next}
        </Text>
      )}
    </>
  )
}

/** What was given back: it has a receipt of its own, and is not given back again. */
const ReversalRow = ({ each, print }: { readonly each: Reversal; readonly print: () => void }) => {
  const said = useSaid()
  return (
    <li className={classes.row} data-testid={`reversal-${each.reversal}`} data-state={each.state}>
      <b>
        {said(`${each.kind}Done`)} {each.receiptNumber}
      </b>
      <span className={classes.rowAmount}>
        −<Money amount={each.amount} currency={each.currency} />
      </span>
      <Text span size="sm" c="dimmed" className={classes.rowMeta ?? ''}>
        <Instant instant={each.occurred} />
      </Text>
      <span className={classes.rowFoot}>
        <Standing {...each} />
      </span>
      <span className={classes.rowActions}>
        <Button
          size="compact-sm"
          variant="default"
          onClick={print}
          aria-label={`${said('receipt')} ${each.receiptNumber}`}
          data-testid={`receipt-${each.reversal}`}
        >
          {said('receipt')}
        </Button>
      </span>
    </li>
  )
}

const Row = (props: {
  readonly each: Transaction
  readonly reverse: (what: 'void' | 'refund') => void
  readonly print: () => void
}) => {
  const { each, reverse, print } = props
  const said = useSaid()
  const untouched = isWhole(each.reversed)
  const left = !untouched && each.reversed === each.amount
  return (
    <li className={classes.row} data-testid={`transaction-${each.transaction}`} data-state={each.state}>
      <b>
        {said('receipt')} {each.receiptNumber}
      </b>
      <span className={classes.rowAmount}>
        <Money amount={each.amount} currency={each.currency} />
      </span>
      <Text span size="sm" c="dimmed" className={classes.rowMeta ?? ''}>
        <Instant instant={each.occurred} />
        {', '}
        {said('cardEnding')} {each.card.slice(-4)}
      </Text>
      <span className={classes.rowFoot}>
        <Standing {...each} />
        {!untouched && (
          <Text span size="sm">
            {left ? said('reversedInFull') : `${writtenAmount(each.reversed)} ${each.currency} ${said('givenBack')}`}
          </Text>
        )}
      </span>
      <span className={classes.rowActions}>
        <Button
          size="compact-sm"
          variant="default"
          onClick={print}
          aria-label={`${said('receipt')} ${each.receiptNumber}`}
          data-testid={`receipt-${each.transaction}`}
        >
          {said('receipt')}
        </Button>
        {!left && (
          <>
            {untouched && (
              <Button
                size="compact-sm"
                variant="default"
                onClick={() => reverse('void')}
                aria-label={`${said('voidOf')} ${each.receiptNumber}`}
                data-testid={`void-${each.transaction}`}
              >
                {said('void')}
              </Button>
            )}
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => reverse('refund')}
              aria-label={`${said('refundOf')} ${each.receiptNumber}`}
              data-testid={`refund-${each.transaction}`}
            >
              {said('refund')}
            </Button>
          </>
        )}
      </span>
    </li>
  )
}

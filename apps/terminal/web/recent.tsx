import { Badge, Button, Group, Text, Title } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { Instant } from '#screens/age'
import { Money, writtenAmount } from '#screens/money'
import { Empty } from '#screens/states'
import type { Till, Transaction } from './answers.ts'
import { useSaid } from './said.ts'
import classes from './till.module.css'

const Reverse = lazy(() => import('./reverse.tsx').then(({ Reverse }) => ({ default: Reverse })))

const colors: Readonly<Record<Transaction['state'], string>> = {
  recorded: 'gray',
  queued: 'orange',
  sent: 'blue',
  accepted: 'green',
  quarantined: 'red',
}

const Receipt = lazy(() => import('./receipt.tsx').then(({ Receipt }) => ({ default: Receipt })))
const RefundReceipt = lazy(() => import('./receipt.tsx').then(({ RefundReceipt }) => ({ default: RefundReceipt })))

const isWhole = (amount: string) => /^0*(\.0*)?$/.test(amount)

/** The newest transactions of this terminal, how far each has got, and what may be taken back. */
export const Recent = ({ till }: { readonly till: Till }) => {
  const [reversing, setReversing] = useState<{ what: 'void' | 'refund'; of: Transaction } | null>(null)
  const [receipt, setReceipt] = useState<string | null>(null)
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
      {till.recent.length === 0 ? (
        <Empty title={said('noneYet')}>{said('noneYetHint')}</Empty>
      ) : (
        <ul className={classes.rows}>
          {till.recent.map(each => (
            <Row
              key={each.transaction}
              each={each}
              reverse={what => setReversing({ what, of: each })}
              print={() => setReceipt(each.transaction)}
            />
          ))}
        </ul>
      )}
      <Suspense>
        {receipt !== null && <Receipt transaction={receipt} close={() => setReceipt(null)} />}
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
        <Badge variant="light" color={colors[each.state]} data-testid="transaction-state">
          {said(`${each.state}State`)}
        </Badge>
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

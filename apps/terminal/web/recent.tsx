import { Badge, Button, Text, Title } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { Instant } from '#screens/age'
import { Money, writtenAmount } from '#screens/money'
import { Empty } from '#screens/states'
import type { Till, Transaction } from './answers.ts'
import classes from './till.module.css'

const Reverse = lazy(() => import('./reverse.tsx').then(({ Reverse }) => ({ default: Reverse })))

const states: Readonly<Record<Transaction['state'], { readonly words: string; readonly color: string }>> = {
  recorded: { words: 'Recorded', color: 'gray' },
  queued: { words: 'Queued', color: 'orange' },
  sent: { words: 'Sent', color: 'blue' },
  accepted: { words: 'Accepted', color: 'green' },
  quarantined: { words: 'Quarantined', color: 'red' },
}

const isWhole = (amount: string) => /^0*(\.0*)?$/.test(amount)

/** The newest transactions of this terminal, how far each has got, and what may be taken back. */
export const Recent = ({ till }: { readonly till: Till }) => {
  const [reversing, setReversing] = useState<{ what: 'void' | 'refund'; of: Transaction } | null>(null)
  return (
    <>
      <Title order={2} size="h4" mb="xs">
        Recent transactions
      </Title>
      {till.recent.length === 0 ? (
        <Empty title="No transaction yet">The first approved tap of this terminal will stand here.</Empty>
      ) : (
        <ul className={classes.rows}>
          {till.recent.map(each => (
            <Row key={each.transaction} each={each} reverse={what => setReversing({ what, of: each })} />
          ))}
        </ul>
      )}
      {reversing && (
        <Suspense>
          <Reverse {...reversing} close={() => setReversing(null)} />
        </Suspense>
      )}
    </>
  )
}

const Row = (props: { readonly each: Transaction; readonly reverse: (what: 'void' | 'refund') => void }) => {
  const { each, reverse } = props
  const { words, color } = states[each.state]
  const untouched = isWhole(each.reversed)
  const left = !untouched && each.reversed === each.amount
  return (
    <li className={classes.row} data-testid={`transaction-${each.transaction}`} data-state={each.state}>
      <b>Receipt {each.receiptNumber}</b>
      <span className={classes.rowAmount}>
        <Money amount={each.amount} currency={each.currency} />
      </span>
      <Text span size="sm" c="dimmed" className={classes.rowMeta ?? ''}>
        <Instant instant={each.occurred} />, card ending {each.card.slice(-4)}
      </Text>
      <span className={classes.rowFoot}>
        <Badge variant="light" color={color} data-testid="transaction-state">
          {words}
        </Badge>
        {!untouched && (
          <Text span size="sm">
            {left ? 'Reversed in full' : `${writtenAmount(each.reversed)} ${each.currency} given back`}
          </Text>
        )}
      </span>
      {!left && (
        <span className={classes.rowActions}>
          {untouched && (
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => reverse('void')}
              aria-label={`Void receipt ${each.receiptNumber}`}
              data-testid={`void-${each.transaction}`}
            >
              Void
            </Button>
          )}
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => reverse('refund')}
            aria-label={`Refund receipt ${each.receiptNumber}`}
            data-testid={`refund-${each.transaction}`}
          >
            Refund
          </Button>
        </span>
      )}
    </li>
  )
}

import { Button, Group, SegmentedControl, Text } from '@mantine/core'
import { useState } from 'react'
import { order } from '#screens/api'
import { OrderForm, Line as Written } from './order-form.tsx'

type Line = { readonly account: string; readonly side: string; readonly amount: string; readonly currency: string }
const empty = (side: string): Line => ({ account: '', side, amount: '', currency: 'EUR' })

export const ProposeAdjustment = ({ close }: { readonly close: () => void }) => {
  const [lines, setLines] = useState<readonly Line[]>([empty('debit'), empty('credit')])
  const set = (place: number, change: Partial<Line>) =>
    setLines(lines.map((line, at) => (at === place ? { ...line, ...change } : line)))
  return (
    <OrderForm
      name="adjustment"
      title="Propose an adjustment"
      confirm="Propose"
      failed="Nothing was proposed"
      wide
      ready={lines.every(({ account, amount }) => account.trim() !== '' && amount.trim() !== '')}
      close={close}
      send={({ reason }) =>
        order('/api/adjustments', {
          lines: lines.map(({ account, side, amount, currency }) => ({
            account: account.trim(),
            side,
            amount: amount.trim(),
            currency: currency.trim(),
          })),
          reason,
        })
      }
    >
      <Text size="sm">
        Accounts are named as in the book: payer:ID, merchant:ID, suspense:ID, clearing:ID, fees, tax, losses,
        recoveries. Debits and credits must be equal in each currency.
      </Text>
      {lines.map((line, place) => (
        // Lines are added at the end and never moved.
        <Group key={String(place)} gap="xs" align="flex-end">
          <SegmentedControl
            value={line.side}
            onChange={side => set(place, { side })}
            data={[
              { value: 'debit', label: 'Debit' },
              { value: 'credit', label: 'Credit' },
            ]}
            aria-label={`Line ${place + 1}: debit or credit`}
          />
          <Written
            label={place === 0 ? 'Account' : undefined}
            data-autofocus={place === 0 ? true : undefined}
            aria-label={`Line ${place + 1}: account`}
            placeholder="payer:anna"
            value={line.account}
            say={account => set(place, { account })}
            style={{ flex: '1 1 10rem' }}
            testId={`line-account-${place}`}
          />
          <Written
            label={place === 0 ? 'Amount' : undefined}
            aria-label={`Line ${place + 1}: amount`}
            placeholder="5.00"
            inputMode="decimal"
            w={110}
            value={line.amount}
            say={amount => set(place, { amount })}
            testId={`line-amount-${place}`}
          />
          <Written
            label={place === 0 ? 'Currency' : undefined}
            aria-label={`Line ${place + 1}: currency`}
            maxLength={3}
            w={80}
            value={line.currency}
            say={currency => set(place, { currency: currency.toUpperCase() })}
            testId={`line-currency-${place}`}
          />
        </Group>
      ))}
      <Group>
        <Button variant="subtle" onClick={() => setLines([...lines, empty('debit')])} data-testid="line-more">
          One line more
        </Button>
      </Group>
    </OrderForm>
  )
}

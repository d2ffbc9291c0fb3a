import { Group } from '@mantine/core'
import { useState } from 'react'
import { order } from '#screens/api'
import { Line, OrderForm } from './order-form.tsx'

export const OpenAccount = ({ close }: { readonly close: () => void }) => {
  const [account, setAccount] = useState('')
  const [limit, setLimit] = useState('')
  const [currency, setCurrency] = useState('EUR')
  return (
    <OrderForm
      name="account"
      title="Open an account"
      confirm="Open the account"
      failed="The account was not opened"
      asksReason={false}
      close={close}
      send={() =>
        order('/api/accounts', {
          ...(account.trim() === '' ? {} : { account: account.trim() }),
          limit: limit.trim(),
          currency: currency.trim(),
        })
      }
    >
      <Line
        label="Account"
        description="Left empty, the centre names it"
        value={account}
        say={setAccount}
        data-autofocus
        testId="account-name"
      />
      <Group grow>
        <Line
          label="Credit limit"
          placeholder="500.00"
          inputMode="decimal"
          required
          value={limit}
          say={setLimit}
          testId="account-limit"
        />
        <Line
          label="Currency"
          required
          maxLength={3}
          value={currency}
          say={words => setCurrency(words.toUpperCase())}
          testId="account-currency"
        />
      </Group>
    </OrderForm>
  )
}

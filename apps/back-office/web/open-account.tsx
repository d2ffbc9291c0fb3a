import { Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'

export const OpenAccount = ({ close }: { readonly close: () => void }) => {
  const client = useQueryClient()
  const [account, setAccount] = useState('')
  const [limit, setLimit] = useState('')
  const [currency, setCurrency] = useState('EUR')
  const open = useMutation({
    mutationFn: () =>
      order<{ readonly account: string }>('/api/accounts', {
        ...(account.trim() === '' ? {} : { account: account.trim() }),
        limit: limit.trim(),
        currency: currency.trim(),
      }),
    onSuccess: async () => {
      close()
      await client.invalidateQueries()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!open.isPending) open.mutate()
  }
  return (
    <Modal opened onClose={close} centered title="Open an account" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label="Account"
            description="Left empty, the centre names it"
            value={account}
            onChange={event => setAccount(event.currentTarget.value)}
            data-autofocus
            data-testid="account-name"
          />
          <Group grow>
            <TextInput
              label="Credit limit"
              placeholder="500.00"
              inputMode="decimal"
              required
              value={limit}
              onChange={event => setLimit(event.currentTarget.value)}
              data-testid="account-limit"
            />
            <TextInput
              label="Currency"
              required
              maxLength={3}
              value={currency}
              onChange={event => setCurrency(event.currentTarget.value.toUpperCase())}
              data-testid="account-currency"
            />
          </Group>
          {open.error && <Failure error={open.error} title="The account was not opened" />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Not now
            </Button>
            <Button type="submit" loading={open.isPending} data-testid="account-create">
              Open the account
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

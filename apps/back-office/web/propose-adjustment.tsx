import { Button, Group, Modal, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import { Reason } from './reason.tsx'

type Line = { readonly account: string; readonly side: string; readonly amount: string; readonly currency: string }
const empty = (side: string): Line => ({ account: '', side, amount: '', currency: 'EUR' })

export const ProposeAdjustment = ({ close }: { readonly close: () => void }) => {
  const client = useQueryClient()
  const [lines, setLines] = useState<readonly Line[]>([empty('debit'), empty('credit')])
  const [reason, setReason] = useState('')
  const propose = useMutation({
    mutationFn: () =>
      order('/api/adjustments', {
        lines: lines.map(({ account, side, amount, currency }) => ({
          account: account.trim(),
          side,
          amount: amount.trim(),
          currency: currency.trim(),
        })),
        reason: reason.trim(),
      }),
    onSuccess: async () => {
      close()
      await client.invalidateQueries()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!propose.isPending) propose.mutate()
  }
  const set = (place: number, change: Partial<Line>) =>
    setLines(lines.map((line, at) => (at === place ? { ...line, ...change } : line)))
  return (
    <Modal
      opened
      onClose={close}
      centered
      size="lg"
      title="Propose an adjustment"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit}>
        <Stack>
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
              <TextInput
                label={place === 0 ? 'Account' : undefined}
                aria-label={`Line ${place + 1}: account`}
                placeholder="payer:anna"
                value={line.account}
                onChange={event => set(place, { account: event.currentTarget.value })}
                style={{ flex: '1 1 10rem' }}
                data-testid={`line-account-${place}`}
              />
              <TextInput
                label={place === 0 ? 'Amount' : undefined}
                aria-label={`Line ${place + 1}: amount`}
                placeholder="5.00"
                inputMode="decimal"
                w={110}
                value={line.amount}
                onChange={event => set(place, { amount: event.currentTarget.value })}
                data-testid={`line-amount-${place}`}
              />
              <TextInput
                label={place === 0 ? 'Currency' : undefined}
                aria-label={`Line ${place + 1}: currency`}
                maxLength={3}
                w={80}
                value={line.currency}
                onChange={event => set(place, { currency: event.currentTarget.value.toUpperCase() })}
              />
            </Group>
          ))}
          <Group>
            <Button variant="subtle" onClick={() => setLines([...lines, empty('debit')])} data-testid="line-more">
              One line more
            </Button>
          </Group>
          <Reason value={reason} say={setReason} testId="adjustment-reason" />
          {propose.error && <Failure error={propose.error} title="Nothing was proposed" />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Not now
            </Button>
            <Button
              type="submit"
              disabled={reason.trim() === '' || lines.some(({ account, amount }) => !account.trim() || !amount.trim())}
              loading={propose.isPending}
              data-testid="adjustment-create"
            >
              Propose
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

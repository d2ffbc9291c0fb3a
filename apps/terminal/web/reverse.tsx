import { Alert, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { CircleCheck } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { order } from '#screens/api'
import { Money } from '#screens/money'
import { Failure } from '#screens/states'
import type { Transaction } from './answers.ts'

/** A void takes the whole payment back, a refund a part of it. Both ask once more, and both say what came of it. */
export const Reverse = (props: {
  readonly what: 'void' | 'refund'
  readonly of: Transaction
  readonly close: () => void
}) => {
  const { what, of, close } = props
  const client = useQueryClient()
  const [amount, setAmount] = useState('')
  // One dialog is one reversal, however often its button is pressed.
  const [reversal] = useState(() => crypto.randomUUID())
  const path = `/api/transactions/${encodeURIComponent(of.transaction)}`
  const reverse = useMutation({
    mutationFn: () =>
      what === 'void'
        ? order(`${path}/void`, { reversal })
        : order(`${path}/refunds`, { amount: amount.trim(), reversal }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['till'] }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!reverse.isPending) reverse.mutate()
  }

  return (
    <Modal
      opened
      onClose={close}
      centered
      title={what === 'void' ? `Void receipt ${of.receiptNumber}?` : `Refund receipt ${of.receiptNumber}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {reverse.isSuccess ? (
        <Stack>
          <Alert color="green" variant="outline" icon={<CircleCheck size={20} aria-hidden />} data-testid="reversed">
            {what === 'void' ? 'The payment was voided.' : 'The refund was recorded.'} It goes to the centre with the
            next sync.
          </Alert>
          <Button onClick={close} data-autofocus data-testid="reverse-done">
            Done
          </Button>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <Text>
              {what === 'void' ? 'The customer gets back all of ' : 'The customer paid '}
              <Money amount={of.amount} currency={of.currency} />.
            </Text>
            {what === 'refund' && (
              <TextInput
                label={`Amount to give back, in ${of.currency}`}
                placeholder="0.00"
                inputMode="decimal"
                value={amount}
                onChange={event => setAmount(event.currentTarget.value)}
                data-autofocus
                data-testid="refund-amount"
                {...(/^0*(\.0*)?$/.test(of.reversed) ? {} : { description: `${of.reversed} was given back already` })}
              />
            )}
            {reverse.error && <Failure error={reverse.error} title="Nothing was given back" />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close} data-testid="reverse-keep">
                Keep the payment
              </Button>
              <Button
                type="submit"
                color="#a32222"
                loading={reverse.isPending}
                disabled={what === 'refund' && !/^\d+(\.\d+)?$/.test(amount.trim())}
                data-testid="reverse-confirm"
              >
                {what === 'void' ? 'Void' : 'Refund'}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  )
}

import { Alert, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { CircleCheck } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { order } from '#screens/api'
import { Money } from '#screens/money'
import { Failure } from '#screens/states'
import type { Transaction } from './answers.ts'
import { useSaid } from './said.ts'

/** A void takes the whole payment back, a refund a part of it. Both ask once more, and both say what came of it. */
export const Reverse = (props: {
  readonly what: 'void' | 'refund'
  readonly of: Transaction
  readonly close: () => void
}) => {
  const { what, of, close } = props
  const said = useSaid()
  const client = useQueryClient()
  const [amount, setAmount] = useState('')
  // One dialog is one reversal, however often its button is pressed.
  const [reversal] = useState(() => crypto.randomUUID())
  const path = `/api/transactions/${encodeURIComponent(of.transaction)}`
  const reverse = useMutation({
    mutationFn: () =>
      what === 'void'
        ? order(`${path}/void`, { reversal })
        : order(`${path}/refunds`, { amount: amount.trim().replace(',', '.'), reversal }),
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
      title={what === 'void' ? `${said('voidAsk')} ${of.receiptNumber}?` : `${said('refundOf')} ${of.receiptNumber}`}
      closeButtonProps={{ 'aria-label': said('close') }}
    >
      {reverse.isSuccess ? (
        <Stack>
          <Alert color="green" variant="outline" icon={<CircleCheck size={20} aria-hidden />} data-testid="reversed">
            {said(what === 'void' ? 'voided' : 'refunded')}
          </Alert>
          <Button onClick={close} data-autofocus data-testid="reverse-done">
            {said('done')}
          </Button>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <Text>
              {said(what === 'void' ? 'getsBackAll' : 'customerPaid')}{' '}
              <Money amount={of.amount} currency={of.currency} />.
            </Text>
            {what === 'refund' && (
              <TextInput
                label={`${said('giveBack')} (${of.currency})`}
                placeholder="0.00"
                inputMode="decimal"
                value={amount}
                onChange={event => setAmount(event.currentTarget.value)}
                data-autofocus
                data-testid="refund-amount"
                {...(/^0*(\.0*)?$/.test(of.reversed)
                  ? {}
                  : { description: `${said('givenBackAlready')} ${of.reversed}` })}
              />
            )}
            {reverse.error && <Failure error={reverse.error} title={said('nothingGivenBack')} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close} data-testid="reverse-keep">
                {said('keepPayment')}
              </Button>
              <Button
                type="submit"
                color="#a32222"
                loading={reverse.isPending}
                disabled={what === 'refund' && !/^\d+([.,]\d+)?$/.test(amount.trim())}
                data-testid="reverse-confirm"
              >
                {said(what)}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  )
}

import { Alert, Button, Group, Radio, Stack, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { CircleCheck } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import type { Transaction } from './answers.ts'

const bearers = [
  ['payer', 'The payer', 'Charged to the account as an accepted payment is; the merchant is paid.'],
  ['merchant', 'The merchant', 'Nobody is charged, and the merchant is not paid.'],
  ['operator', 'We, the operator', 'Booked as our loss; the merchant is paid.'],
] as const

/** Nobody owes and nobody is paid until two people have said who bears it. Their order is one: it is not drafted here. */
export const Decide = ({ transaction }: { readonly transaction: Transaction }) => {
  const client = useQueryClient()
  const [bears, setBears] = useState('')
  const [first, setFirst] = useState('')
  const [second, setSecond] = useState('')
  const [reason, setReason] = useState('')
  const decide = useMutation({
    mutationFn: () =>
      order(`/api/payments/${encodeURIComponent(transaction.payment)}/decide`, {
        bears,
        operators: [first.trim(), second.trim()],
        reason: reason.trim(),
      }),
    onSuccess: () => client.invalidateQueries(),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!decide.isPending) decide.mutate()
  }
  const said = bears !== '' && first.trim() !== '' && second.trim() !== '' && reason.trim() !== ''
  if (decide.isSuccess)
    return (
      <Alert color="green" variant="outline" icon={<CircleCheck size={20} aria-hidden />} data-testid="decided">
        Decided. The postings follow in a moment.
      </Alert>
    )
  return (
    <form onSubmit={submit}>
      <Stack maw={560}>
        <Radio.Group value={bears} onChange={setBears} label="Borne by">
          <Stack gap="xs" mt={6}>
            {bearers.map(([value, label, description]) => (
              <Radio key={value} value={value} label={label} description={description} data-testid={`bears-${value}`} />
            ))}
          </Stack>
        </Radio.Group>
        <Group grow align="flex-start">
          <TextInput
            label="First operator’s id"
            value={first}
            onChange={event => setFirst(event.currentTarget.value)}
            data-testid="operator-first"
          />
          <TextInput
            label="Second operator’s id"
            value={second}
            onChange={event => setSecond(event.currentTarget.value)}
            data-testid="operator-second"
          />
        </Group>
        <Textarea
          label="Reason"
          description="Read by the auditor"
          autosize
          minRows={2}
          value={reason}
          onChange={event => setReason(event.currentTarget.value)}
          data-testid="decide-reason"
        />
        {decide.error && <Failure error={decide.error} title="It stays held" />}
        <Group>
          <Button type="submit" disabled={!said} loading={decide.isPending} data-testid="decide">
            Decide
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

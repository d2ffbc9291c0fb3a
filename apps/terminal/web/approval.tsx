import { Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import type { Sale } from './answers.ts'
import { useSaid } from './said.ts'

/** A supervisor's number and PIN, keyed on the glass or a keyboard. */
export const NumberAndPin = (props: {
  readonly number: string
  readonly pin: string
  readonly label: string
  readonly setNumber: (text: string) => void
  readonly setPin: (text: string) => void
  readonly prefix: string
}) => {
  const said = useSaid()
  return (
    <Group grow align="end" gap="xs">
      <TextInput
        label={props.label}
        inputMode="numeric"
        autoComplete="off"
        maxLength={6}
        value={props.number}
        onChange={event => props.setNumber(event.currentTarget.value.replace(/\D/g, ''))}
        data-testid={`${props.prefix}-number`}
      />
      <PasswordInput
        label="PIN"
        inputMode="numeric"
        autoComplete="off"
        maxLength={8}
        value={props.pin}
        onChange={event => props.setPin(event.currentTarget.value.replace(/\D/g, ''))}
        visibilityToggleButtonProps={{ 'aria-label': said('pin') }}
        data-testid={`${props.prefix}-pin`}
      />
    </Group>
  )
}

/** What a sale was declined for is let pass by somebody who may: once, and for this sale. */
export const Approval = ({ sale, close }: { readonly sale: Sale; readonly close: () => void }) => {
  const said = useSaid()
  const client = useQueryClient()
  const [number, setNumber] = useState('')
  const [pin, setPin] = useState('')
  const override = useMutation({
    mutationFn: () => order<Sale>(`/api/sales/${encodeURIComponent(sale.sale)}/override`, { supervisor: number, pin }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['till'] })
      close()
    },
    onError: () => setPin(''),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!override.isPending) override.mutate()
  }
  return (
    <Modal
      opened
      onClose={close}
      centered
      title={said('letPassTitle')}
      closeButtonProps={{ 'aria-label': said('close') }}
    >
      <form onSubmit={submit}>
        <Stack>
          <Text>{sale.say}</Text>
          <Text size="sm" c="dimmed">
            {said('letPassHint')}
          </Text>
          <NumberAndPin label={said('supervisor')} prefix="override" {...{ number, pin, setNumber, setPin }} />
          {override.error && <Failure error={override.error} title={said('nothingDone')} />}
          <Button
            type="submit"
            loading={override.isPending}
            disabled={!number || pin.length < 4}
            data-testid="override-do"
          >
            {said('letPassDo')}
          </Button>
        </Stack>
      </form>
    </Modal>
  )
}

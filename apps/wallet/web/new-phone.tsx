import { Button, Group, Stack, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import type { PhoneInList } from './answers.ts'

/** A phone gets its APP key pair and asks the authority for a license with an allowance to use offline. */
export const NewPhone = () => {
  const client = useQueryClient()
  const [shown, setShown] = useState(false)
  const [account, setAccount] = useState('')
  const [allowance, setAllowance] = useState('')
  const add = useMutation({
    mutationFn: () => order<PhoneInList>('/api/phones', { account: account.trim(), allowance: allowance.trim() }),
    onSuccess: () => {
      setShown(false)
      setAccount('')
      setAllowance('')
      return client.invalidateQueries()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!add.isPending) add.mutate()
  }
  if (!shown)
    return (
      <Button
        variant="default"
        fullWidth
        mt="md"
        leftSection={<Plus size={18} aria-hidden />}
        onClick={() => setShown(true)}
        data-testid="phone-add"
      >
        Add a phone
      </Button>
    )
  return (
    <form onSubmit={submit}>
      <Stack mt="lg" gap="sm">
        <TextInput
          label="Account"
          description="As the back office names it"
          value={account}
          onChange={event => setAccount(event.currentTarget.value)}
          autoFocus
          required
          data-testid="phone-account"
        />
        <TextInput
          label="Allowance to use offline"
          placeholder="100.00"
          inputMode="decimal"
          value={allowance}
          onChange={event => setAllowance(event.currentTarget.value)}
          required
          data-testid="phone-allowance"
        />
        {add.error && <Failure error={add.error} title="No phone was added" />}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => setShown(false)}>
            Not now
          </Button>
          <Button type="submit" loading={add.isPending} data-testid="phone-create">
            Add the phone
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

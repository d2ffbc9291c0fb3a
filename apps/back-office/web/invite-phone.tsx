import { Alert, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Smartphone } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { Instant } from '#screens/age'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import classes from './office.module.css'

interface Invitation {
  readonly code: string
  readonly expires: string
}

/** Lets one phone take credit of the account; nothing is held before it does. */
export const InvitePhone = (props: { readonly account: string; readonly currency: string }) => {
  const [shown, setShown] = useState(false)
  return (
    <>
      <Button
        variant="default"
        size="sm"
        leftSection={<Smartphone size={16} aria-hidden />}
        onClick={() => setShown(true)}
        data-testid="invite-phone"
      >
        Let a phone in
      </Button>
      {shown && <Invitation {...props} close={() => setShown(false)} />}
    </>
  )
}

const Invitation = (props: { readonly account: string; readonly currency: string; readonly close: () => void }) => {
  const { account, currency, close } = props
  const client = useQueryClient()
  const [allowance, setAllowance] = useState('')
  const invite = useMutation({
    mutationFn: () =>
      order<Invitation>(`/api/accounts/${encodeURIComponent(account)}/activations`, {
        allowance: allowance.trim(),
        currency,
      }),
    onSuccess: () => client.invalidateQueries(),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!invite.isPending) invite.mutate()
  }
  return (
    <Modal opened onClose={close} centered title="Let a phone in" closeButtonProps={{ 'aria-label': 'Close' }}>
      {invite.data ? (
        <Stack data-testid="phone-invitation">
          <Alert color="green" variant="outline" title={`A phone may take credit of ${account}`}>
            <Text size="sm">
              Give this code to the holder. It is shown only now, and is good for one phone until{' '}
              <Instant instant={invite.data.expires} />.
            </Text>
          </Alert>
          <Text
            ta="center"
            ff="monospace"
            fw={700}
            fz="lg"
            className={classes.code ?? ''}
            data-testid="phone-invitation-code"
          >
            <Groups code={invite.data.code} />
          </Text>
          <Button onClick={close} data-autofocus>
            Done
          </Button>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <TextInput
              label={`To use offline, in ${currency}`}
              description="Held on the account from the moment the phone uses its code, if it is available then."
              placeholder="100.00"
              inputMode="decimal"
              required
              value={allowance}
              onChange={event => setAllowance(event.currentTarget.value)}
              data-autofocus
              data-testid="invite-phone-allowance"
            />
            {invite.error && <Failure error={invite.error} title="No code was made" />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Not now
              </Button>
              <Button type="submit" loading={invite.isPending} data-testid="invite-phone-confirm">
                Make a code
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  )
}

/** Breaks between its groups only, as people read it out. */
const Groups = ({ code }: { readonly code: string }) =>
  code.split(/(?<=-)/).map(group => (
    <span key={group} style={{ display: 'inline-block' }}>
      {group}
    </span>
  ))

import { Alert, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { Instant } from '#screens/age'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import classes from './office.module.css'

export interface Invitation {
  readonly terminal: string
  readonly code: string
  readonly expires: string
  readonly rootFingerprint: string
}

/** The code, on the only screen that ever shows it. */
export const Invited = (props: { readonly invitation: Invitation; readonly close: () => void }) => {
  const { invitation, close } = props
  return (
    <Stack data-testid="invitation">
      <Alert color="green" variant="outline" title={`${invitation.terminal} may enrol`}>
        <Text size="sm">
          Type this code at the terminal. It is shown only now, and works once until{' '}
          <Instant instant={invitation.expires} />.
        </Text>
      </Alert>
      <Text ta="center" ff="monospace" fw={700} fz="lg" className={classes.code ?? ''} data-testid="invitation-code">
        {invitation.code}
      </Text>
      <Text size="sm">
        The terminal shows the authority’s fingerprint; it must read{' '}
        <Text span ff="monospace" fw={600} style={{ overflowWrap: 'anywhere' }}>
          {invitation.rootFingerprint}
        </Text>
      </Text>
      <Button onClick={close} data-autofocus>
        Done
      </Button>
    </Stack>
  )
}

/** A terminal enrols once, with a code that is shown here and nowhere else. */
export const Invite = ({ close }: { readonly close: () => void }) => {
  const client = useQueryClient()
  const [terminal, setTerminal] = useState('')
  const [shop, setShop] = useState('')
  const invite = useMutation({
    mutationFn: () => order<Invitation>('/api/terminals', { terminal: terminal.trim(), shop: shop.trim() }),
    onSuccess: () => client.invalidateQueries(),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!invite.isPending) invite.mutate()
  }
  return (
    <Modal opened onClose={close} centered title="Invite a terminal" closeButtonProps={{ 'aria-label': 'Close' }}>
      {invite.data ? (
        <Invited invitation={invite.data} close={close} />
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <TextInput
              label="Terminal"
              placeholder="terminal-3"
              required
              value={terminal}
              onChange={event => setTerminal(event.currentTarget.value)}
              data-autofocus
              data-testid="invite-terminal"
            />
            <TextInput
              label="Shop"
              required
              value={shop}
              onChange={event => setShop(event.currentTarget.value)}
              data-testid="invite-shop"
            />
            {invite.error && <Failure error={invite.error} title="No invitation was made" />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Not now
              </Button>
              <Button type="submit" loading={invite.isPending} data-testid="invite-confirm">
                Invite
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  )
}

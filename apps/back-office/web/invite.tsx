import { Alert, Button, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { Instant } from '#screens/age'
import { order } from '#screens/api'
import classes from './office.module.css'
import { Line, OrderForm } from './order-form.tsx'

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
  const [terminal, setTerminal] = useState('')
  const [shop, setShop] = useState('')
  return (
    <OrderForm
      name="invite"
      title="Invite a terminal"
      confirm="Invite"
      failed="No invitation was made"
      asksReason={false}
      close={close}
      send={() => order<Invitation>('/api/terminals', { terminal: terminal.trim(), shop: shop.trim() })}
      shown={invitation => <Invited invitation={invitation} close={close} />}
    >
      <Line
        label="Terminal"
        placeholder="terminal-3"
        required
        value={terminal}
        say={setTerminal}
        data-autofocus
        testId="invite-terminal"
      />
      <Line label="Shop" required value={shop} say={setShop} testId="invite-shop" />
    </OrderForm>
  )
}

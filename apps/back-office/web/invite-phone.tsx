import { Alert, Button, Stack, Text } from '@mantine/core'
import { Smartphone } from 'lucide-react'
import { useState } from 'react'
import { Instant } from '#screens/age'
import { order } from '#screens/api'
import classes from './office.module.css'
import { Line, OrderForm } from './order-form.tsx'

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
  const [allowance, setAllowance] = useState('')
  return (
    <OrderForm
      name="invite-phone"
      title="Let a phone in"
      confirm="Make a code"
      failed="No code was made"
      asksReason={false}
      close={close}
      send={() =>
        order<Invitation>(`/api/accounts/${encodeURIComponent(account)}/activations`, {
          allowance: allowance.trim(),
          currency,
        })
      }
      shown={({ code, expires }) => (
        <Stack data-testid="phone-invitation">
          <Alert color="green" variant="outline" title={`A phone may take credit of ${account}`}>
            <Text size="sm">
              Give this code to the holder. It is shown only now, and is good for one phone until{' '}
              <Instant instant={expires} />.
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
            <Groups code={code} />
          </Text>
          <Button onClick={close} data-autofocus>
            Done
          </Button>
        </Stack>
      )}
    >
      <Line
        label={`To use offline, in ${currency}`}
        description="Held on the account from the moment the phone uses its code, if it is available then."
        placeholder="100.00"
        inputMode="decimal"
        required
        value={allowance}
        say={setAllowance}
        data-autofocus
        testId="invite-phone-allowance"
      />
    </OrderForm>
  )
}

/** Breaks between its groups only, as people read it out. */
const Groups = ({ code }: { readonly code: string }) =>
  code.split(/(?<=-)/).map(group => (
    <span key={group} style={{ display: 'inline-block' }}>
      {group}
    </span>
  ))

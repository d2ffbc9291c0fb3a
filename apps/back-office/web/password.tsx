import { Button, Group, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import classes from './office.module.css'
import { useOrder } from './order-form.tsx'
import { type SignedIn, signedIn } from './session.tsx'

/** One's own password. `leave` is missing where there is no way around it. */
export const ChangePassword = ({
  done,
  leave,
}: {
  readonly done?: () => void
  readonly leave?: { readonly words: string; readonly go: () => void }
}) => {
  const client = useQueryClient()
  const [password, setPassword] = useState('')
  const [next, setNext] = useState('')
  const [again, setAgain] = useState('')
  const differs = again !== '' && again !== next
  const change = useOrder(
    () => order<SignedIn>('/api/session/password', { password, next }),
    who => {
      signedIn(client, who)
      done?.()
    },
  )
  return (
    <form onSubmit={change.submit} data-testid="change-password">
      <Stack>
        <PasswordInput
          label="Password as it is now"
          required
          autoComplete="current-password"
          maxLength={1024}
          value={password}
          onChange={event => setPassword(event.currentTarget.value)}
          autoFocus
          data-autofocus
          data-testid="password-now"
        />
        <PasswordInput
          label="New password"
          description="At least 12 letters: a few words that nobody would guess"
          required
          autoComplete="new-password"
          maxLength={256}
          value={next}
          onChange={event => setNext(event.currentTarget.value)}
          data-testid="password-next"
        />
        <PasswordInput
          label="New password again"
          required
          autoComplete="new-password"
          maxLength={256}
          value={again}
          onChange={event => setAgain(event.currentTarget.value)}
          error={differs ? 'The two are not the same' : undefined}
          data-testid="password-again"
        />
        {change.error && <Failure error={change.error} title="The password stays as it was" />}
        <Group justify="flex-end">
          {leave && (
            <Button variant="default" onClick={leave.go} data-testid="password-leave">
              {leave.words}
            </Button>
          )}
          <Button
            type="submit"
            loading={change.isPending}
            disabled={differs || again === ''}
            data-testid="password-change"
          >
            Change the password
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** After a one-time password: nothing else is open before it is replaced. */
export const ChangePasswordPage = ({
  operator,
  signOut,
}: {
  readonly operator: string
  readonly signOut: () => void
}) => (
  <main className={classes.door}>
    <Stack gap="md">
      <Title order={1} size="h2">
        Choose a password
      </Title>
      <Text>
        {operator}, the password you came with was made by somebody else, and works no longer than this. Choose one that
        you alone know.
      </Text>
      <ChangePassword leave={{ words: 'Sign out', go: signOut }} />
    </Stack>
  </main>
)

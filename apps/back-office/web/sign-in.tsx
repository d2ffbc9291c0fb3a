import { Button, Group, Modal, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import { ModeMark } from './mode.tsx'
import classes from './office.module.css'
import { useOrder } from './order-form.tsx'
import { type SignedIn, signedIn } from './session.tsx'

/** The door: a name and a password. Whoever comes through it is where the address says. */
const SignInForm = ({ known }: { readonly known?: string | undefined }) => {
  const client = useQueryClient()
  const [operator, setOperator] = useState(known ?? '')
  const [password, setPassword] = useState('')
  const enter = useOrder(
    () =>
      order<SignedIn>('/api/session', { operator: operator.trim(), password }).catch((refused: unknown) => {
        setPassword('')
        throw refused
      }),
    who => signedIn(client, who),
  )
  return (
    <form onSubmit={enter.submit} data-testid="sign-in">
      <Stack>
        <TextInput
          label="Operator"
          required
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={64}
          value={operator}
          onChange={event => setOperator(event.currentTarget.value)}
          {...(known === undefined ? { autoFocus: true, 'data-autofocus': true } : {})}
          data-testid="sign-in-operator"
        />
        <PasswordInput
          label="Password"
          required
          autoComplete="current-password"
          maxLength={1024}
          value={password}
          onChange={event => setPassword(event.currentTarget.value)}
          {...(known === undefined ? {} : { autoFocus: true, 'data-autofocus': true })}
          data-testid="sign-in-password"
        />
        {enter.error && <Failure error={enter.error} title="You are not signed in" />}
        <Button type="submit" loading={enter.isPending} data-testid="sign-in-enter">
          Sign in
        </Button>
      </Stack>
    </form>
  )
}

export const SignInPage = () => (
  <main className={classes.door}>
    <Stack gap="md">
      <div>
        <Title order={1} size="h2">
          Tallystick
        </Title>
        <Group gap={8}>
          <Text c="dimmed">Back office</Text>
          <ModeMark />
        </Group>
      </div>
      <SignInForm />
    </Stack>
  </main>
)

/** Over the page as it stands: what was typed is there when its writer is back. */
export const SignInAgain = ({ known }: { readonly known: string }) => (
  <Modal
    opened
    onClose={() => {}}
    withCloseButton={false}
    closeOnEscape={false}
    centered
    title="Your session has ended"
  >
    <Stack>
      <Text size="sm">Sign in again: the page behind this stands as you left it.</Text>
      <SignInForm known={known} />
    </Stack>
  </Modal>
)

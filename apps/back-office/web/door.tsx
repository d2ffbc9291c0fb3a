import { Button, Modal, Stack, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { CircleUser, Users } from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { order } from '#screens/api'
import { Failure, Waiting } from '#screens/states'
import classes from './office.module.css'
import { ChangePassword, ChangePasswordPage } from './password.tsx'
import { type SignedIn, sessionKey, useSessionWatch, useWho } from './session.tsx'
import { SignInAgain, SignInPage } from './sign-in.tsx'

export const operatorsPlace = { to: '/operators', name: 'Operators', icon: Users } as const

/** Nobody sees a page before the door; a session that ends leaves the page as it stands, behind the door. */
export const Door = ({ children }: { readonly children: ReactNode }) => {
  const who = useWho()
  const [last, setLast] = useState<SignedIn>()
  const signOut = useSignOut()
  useSessionWatch()
  useEffect(() => {
    // Who signed out wanted to leave; whose session ended did not.
    if (!who.data) return
    if (who.data.operator !== null) setLast(who.data)
    else if (who.data.reason === 'NotSignedIn') setLast(undefined)
  }, [who.data])
  if (who.data === undefined)
    return (
      <main className={classes.door}>
        {who.error ? <Failure error={who.error} again={() => void who.refetch()} /> : <Waiting lines={3} />}
      </main>
    )
  const now = who.data.operator === null ? undefined : who.data
  const shown = now ?? (who.data.operator === null && who.data.reason === 'NotSignedIn' ? undefined : last)
  if (!shown) return <SignInPage />
  if (now?.mustChangePassword) return <ChangePasswordPage operator={now.operator} signOut={signOut} />
  return (
    <>
      {/* Another operator begins with pages of their own. */}
      <div key={shown.operator} style={{ display: 'contents' }}>
        {children}
      </div>
      {!now && <SignInAgain known={shown.operator} />}
    </>
  )
}

const useSignOut = (): (() => void) => {
  const client = useQueryClient()
  return () => {
    void order('/api/session/end').then(() => {
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] })
      return client.invalidateQueries({ queryKey: sessionKey })
    })
  }
}

/** Who is signed in, in the frame of every page: the role, one's own password, and the way out. */
export const Who = () => {
  const { data: who } = useWho()
  const signOut = useSignOut()
  const [opening, setOpening] = useState(false)
  const [changing, setChanging] = useState(false)
  if (who?.operator == null) return null
  return (
    <>
      <Button
        variant="default"
        px="xs"
        onClick={() => setOpening(true)}
        aria-label={`Signed in as ${who.operator}, ${who.role}`}
        data-testid="who"
      >
        <CircleUser size={18} aria-hidden />
        <Text span size="sm" pl={6} visibleFrom="sm">
          {who.operator}
        </Text>
      </Button>
      {opening && (
        <Modal
          opened
          onClose={() => setOpening(false)}
          centered
          title="Signed in"
          closeButtonProps={{ 'aria-label': 'Close' }}
        >
          <Stack>
            <Text data-testid="who-role">
              {who.operator}, {who.role}
            </Text>
            <Button
              variant="default"
              onClick={() => {
                setOpening(false)
                setChanging(true)
              }}
              data-testid="who-password"
            >
              Change the password
            </Button>
            <Button onClick={signOut} data-autofocus data-testid="sign-out">
              Sign out
            </Button>
          </Stack>
        </Modal>
      )}
      {changing && (
        <Modal
          opened
          onClose={() => setChanging(false)}
          centered
          title="Change your password"
          closeButtonProps={{ 'aria-label': 'Close' }}
        >
          <ChangePassword done={() => setChanging(false)} leave={{ words: 'Not now', go: () => setChanging(false) }} />
        </Modal>
      )}
    </>
  )
}

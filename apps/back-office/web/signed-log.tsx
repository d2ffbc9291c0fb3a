import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { ShieldAlert } from 'lucide-react'
import { useId, useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import { type SignedLog, useAnswer } from './answers.ts'
import { Reason, useOrder } from './order-form.tsx'
import { Allowed } from './session.tsx'

/** The log's own word: how far it is signed; and where it is not, why, and what an operator may order. */
export const SignedLogFigure = () => {
  const { data } = useAnswer<SignedLog>('/api/log/state')
  if (!data) return null
  return (
    <span data-testid="figure-signed" title={data.origin}>
      {data.signed ?? 0} of {data.size}
    </span>
  )
}

export const SilentLog = () => {
  const { data } = useAnswer<SignedLog>('/api/log/state')
  return data?.silence ? <Silent key={data.origin} origin={data.origin} message={data.silence.message} /> : null
}

const Silent = ({ origin, message }: { readonly origin: string; readonly message: string }) => {
  const [reason, setReason] = useState('')
  const needed = useId()
  const begin = useOrder(() => order('/api/log/origins', { reason: reason.trim() }))
  const isSaid = reason.trim() !== ''
  return (
    <Alert
      color="red"
      variant="outline"
      icon={<ShieldAlert size={20} aria-hidden />}
      title="The log is not signed"
      data-testid="silent-log"
    >
      <Stack gap="sm" maw={640}>
        <Text size="sm" style={{ overflowWrap: 'anywhere' }} data-testid="silent-message">
          {message}
        </Text>
        <Text size="sm">
          Terminals keep what they send until it is signed for; nothing is lost meanwhile. If a newer copy of the log
          exists, stop the centre and restore that one. Only if there is none, begin a new origin: every terminal will
          see that the log goes by a new name after {origin}.
        </Text>
        <Allowed to="administrator">
          <Reason value={reason} say={setReason} testId="origin-reason" />
        </Allowed>
        {begin.error && <Failure error={begin.error} title="It stays unsigned" />}
        <Allowed to="administrator">
          <Group gap="sm">
            <Button
              variant="default"
              disabled={!isSaid}
              aria-describedby={needed}
              loading={begin.isPending}
              onClick={begin.go}
              data-testid="begin-origin"
            >
              Begin a new origin
            </Button>
            <Text size="sm" c="dimmed" id={needed}>
              {isSaid ? '' : 'Write a reason first.'}
            </Text>
          </Group>
        </Allowed>
      </Stack>
    </Alert>
  )
}

import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { OctagonPause } from 'lucide-react'
import { useId, useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import { type Follower, useAnswer } from './answers.ts'
import { Reason } from './order-form.tsx'
import { useMay } from './session.tsx'

/** What follows the log and had to stop: at which event, why, and what an operator may say to it. */
export const StoppedFollowers = () => {
  const query = useAnswer<{ readonly followers: readonly Follower[] }>('/api/followers')
  return (query.data?.followers ?? []).map(follower =>
    follower.stopped ? (
      // Stopped elsewhere, it is another trouble: what was typed for the one before is not for this.
      <Stopped key={`${follower.follower} ${follower.stopped.index}`} follower={follower} stopped={follower.stopped} />
    ) : null,
  )
}

const Stopped = ({
  follower: { follower, kind, lag },
  stopped: { index, event, message },
}: {
  readonly follower: Follower
  readonly stopped: NonNullable<Follower['stopped']>
}) => {
  const client = useQueryClient()
  const [reason, setReason] = useState('')
  const needed = useId()
  const [mayRetry, maySkip] = [useMay('clerk'), useMay('administrator')]
  const say = useMutation({
    mutationFn: (word: 'skip' | 'retry') =>
      order(`/api/followers/${encodeURIComponent(follower)}/${word}`, {
        reason: reason.trim(),
        ...(word === 'skip' ? { index, event } : {}),
      }),
    onSuccess: () => client.invalidateQueries(),
  })
  const isSaid = reason.trim() !== ''
  const events = lag.events === 1 ? '1 event waits' : `${lag.events} events wait`
  return (
    <Alert
      color="red"
      variant="outline"
      icon={<OctagonPause size={20} aria-hidden />}
      title={`The follower “${follower}” has stopped`}
      data-testid={`stopped-${follower}`}
    >
      <Stack gap="sm" maw={640}>
        <Text size="sm" style={{ overflowWrap: 'anywhere' }} data-testid="stopped-message">
          {message}
        </Text>
        <Text size="sm">
          {kind === 'projector'
            ? `Its figures stand still; all others go on. ${events} for it.`
            : `What it decides waits; figures go on. ${events} for it.`}{' '}
          {event === null
            ? 'No event stopped it: mend the cause, then let it try again.'
            : 'Let it try again once the cause is mended, or skip this one event: it is skipped at every later start and fold, too, and the log keeps your reason.'}
        </Text>
        {mayRetry && <Reason value={reason} say={setReason} testId="stopped-reason" />}
        {say.error && <Failure error={say.error} title="It stays stopped" />}
        {mayRetry && (
          <Group gap="sm">
            <Button
              variant="default"
              disabled={!isSaid}
              aria-describedby={needed}
              loading={say.isPending && say.variables === 'retry'}
              onClick={() => say.mutate('retry')}
              data-testid="follower-retry"
            >
              Try again
            </Button>
            {event !== null && maySkip && (
              <Button
                variant="default"
                disabled={!isSaid}
                aria-describedby={needed}
                loading={say.isPending && say.variables === 'skip'}
                onClick={() => say.mutate('skip')}
                data-testid="follower-skip"
              >
                Skip event {index}
              </Button>
            )}
            <Text size="sm" c="dimmed" id={needed}>
              {isSaid ? '' : 'Write a reason first.'}
            </Text>
          </Group>
        )}
      </Stack>
    </Alert>
  )
}

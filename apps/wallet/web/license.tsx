import { Alert, Badge, Button, Group, Progress, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { CloudUpload, Lock, LockOpen, RefreshCw, TriangleAlert } from 'lucide-react'
import { BusinessDate } from '#screens/age'
import { order } from '#screens/api'
import { Announcement, Failure } from '#screens/states'
import type { Phone } from './answers.ts'
import classes from './phone.module.css'
import { suiteWords } from './suites.ts'

/** The term of the license, what is still to be told to the authority, and what the holder can do about both. */
export const License = ({ phone }: { readonly phone: Phone }) => {
  const client = useQueryClient()
  const at = `/api/phones/${encodeURIComponent(phone.id)}`
  const options = { onSettled: () => client.invalidateQueries() }
  const renew = useMutation({ mutationFn: () => order(`${at}/renew`, {}), ...options })
  const testify = useMutation({ mutationFn: () => order<{ told: number }>(`${at}/testify`, {}), ...options })
  const lock = useMutation({ mutationFn: () => order(`${at}/lock`, { locked: !phone.locked }), ...options })
  const error = renew.error ?? testify.error ?? lock.error
  const isBusy = renew.isPending || testify.isPending || lock.isPending
  const { from, expires, isPastHalf } = phone.license
  const term = Date.parse(expires) - Date.parse(from)
  const gone = Math.min(100, Math.max(0, Math.round((100 * (Date.now() - Date.parse(from))) / term)))

  return (
    <section className={classes.history} aria-label="License">
      <Announcement words={renew.isSuccess ? 'The license was renewed' : ''} />
      <Group justify="space-between" mb={4}>
        <Title order={2} size="h4">
          License
        </Title>
        <Badge variant="light" tt="none" data-testid="suite">
          {phone.suite}
        </Badge>
      </Group>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {suiteWords[phone.suite]}
        </Text>
        <Progress value={gone} color={isPastHalf ? 'orange' : 'blue'} aria-label="Part of the term that is over" />
        <Group justify="space-between" gap="xs">
          <Text size="sm">
            <BusinessDate date={from.slice(0, 10)} /> to <BusinessDate date={expires.slice(0, 10)} />
          </Text>
          <Text size="sm" c="dimmed" data-testid="untold">
            {phone.untold === 0
              ? 'The authority has all payments'
              : `${phone.untold} ${phone.untold === 1 ? 'payment' : 'payments'} to hand over`}
          </Text>
        </Group>
        {phone.renewing && (
          <Alert
            color="orange"
            variant="outline"
            icon={<TriangleAlert size={20} aria-hidden />}
            title="Waits for its new license"
            data-testid="renewing"
          >
            <Text size="sm">
              The answer was lost on its way. This phone pays again as soon as it has it: renew once more when there is
              a network.
            </Text>
          </Alert>
        )}
        {isPastHalf && !phone.renewing && (
          <Text size="sm" data-testid="past-half">
            Half of the term is over: the phone renews by itself when it has a network, or now.
          </Text>
        )}
        {error && <Failure error={error} />}
        <Group gap="xs" grow preventGrowOverflow={false}>
          <Button
            variant={isPastHalf || phone.renewing ? 'filled' : 'default'}
            leftSection={<RefreshCw size={16} aria-hidden />}
            loading={renew.isPending}
            disabled={isBusy && !renew.isPending}
            onClick={() => renew.mutate()}
            data-testid="renew"
          >
            Renew
          </Button>
          <Button
            variant="default"
            leftSection={<CloudUpload size={16} aria-hidden />}
            loading={testify.isPending}
            disabled={phone.untold === 0 || (isBusy && !testify.isPending)}
            onClick={() => testify.mutate()}
            data-testid="testify"
          >
            Hand over
          </Button>
          <Button
            variant="default"
            leftSection={phone.locked ? <LockOpen size={16} aria-hidden /> : <Lock size={16} aria-hidden />}
            loading={lock.isPending}
            disabled={isBusy && !lock.isPending}
            onClick={() => lock.mutate()}
            data-testid="lock"
          >
            {phone.locked ? 'Unlock' : 'Lock'}
          </Button>
        </Group>
      </Stack>
    </section>
  )
}

import { Alert, Badge, Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { CircleCheck } from 'lucide-react'
import { useState } from 'react'
import { BusinessDate } from '#screens/age'
import { ask, order } from '#screens/api'
import { Money } from '#screens/money'
import { Answered, Failure } from '#screens/states'
import type { CountAndSum, DayReport, Till } from './answers.ts'
import classes from './till.module.css'

/** The business day: opened here, looked at while it runs (X report), closed with its totals (Z report). */
export const Day = ({ till, close }: { readonly till: Till; readonly close: () => void }) => {
  const client = useQueryClient()
  const [sure, setSure] = useState(false)
  const refresh = () => client.invalidateQueries()
  const open = useMutation({ mutationFn: () => order('/api/day/open'), onSuccess: refresh })
  const shut = useMutation({ mutationFn: () => order<DayReport>('/api/day/close'), onSuccess: refresh })
  const running = till.day?.state === 'open'

  return (
    <Modal opened onClose={close} centered size="md" title="Business day" closeButtonProps={{ 'aria-label': 'Close' }}>
      {shut.data ? (
        <Stack data-testid="z-report">
          <Alert color="green" variant="outline" icon={<CircleCheck size={20} aria-hidden />}>
            The day is closed. These totals cannot change any more.
          </Alert>
          <Totals report={shut.data} currency={till.currency} title="Z report" />
          <Button onClick={close} data-testid="z-report-done">
            Done
          </Button>
        </Stack>
      ) : running ? (
        <Stack>
          <Running till={till} closing={shut.isPending || shut.isSuccess} />
          {shut.error && <Failure error={shut.error} title="The day stays open" />}
          {sure ? (
            <Stack gap="xs">
              <Text fw={600}>Close the day now? No sale is possible until the next day is opened.</Text>
              <Group justify="flex-end">
                <Button variant="default" onClick={() => setSure(false)}>
                  Keep it open
                </Button>
                <Button
                  color="#a32222"
                  loading={shut.isPending}
                  onClick={() => shut.mutate()}
                  data-testid="day-close-confirm"
                >
                  Close the day
                </Button>
              </Group>
            </Stack>
          ) : (
            <Button variant="default" onClick={() => setSure(true)} data-testid="day-close">
              Close the day…
            </Button>
          )}
        </Stack>
      ) : (
        <Stack>
          <Text>No day is open on this till. Sales, voids and refunds belong to a day.</Text>
          {open.error && <Failure error={open.error} title="The day was not opened" />}
          <Button loading={open.isPending} onClick={() => open.mutate()} data-autofocus data-testid="day-open">
            Open the day
          </Button>
        </Stack>
      )}
    </Modal>
  )
}

const Running = ({ till, closing }: { readonly till: Till; readonly closing: boolean }) => {
  const query = useQuery({
    queryKey: ['day'],
    queryFn: ({ signal }) => ask<DayReport>('/api/day', {}, signal),
    // A day that is being closed has no report so far any more.
    enabled: !closing,
  })
  return (
    <Answered query={query} lines={5}>
      {report => <Totals report={report} currency={till.currency} title="X report, so far" />}
    </Answered>
  )
}

const Totals = (props: { readonly report: DayReport; readonly currency: string; readonly title: string }) => {
  const { report, currency, title } = props
  const { sales, voids, refunds, declined, torn } = report.totals
  const lines: readonly (readonly [string, CountAndSum])[] = [
    ['Sales', sales],
    ['Voids', voids],
    ['Refunds', refunds],
    ['Declined', declined],
    ['Torn', torn],
  ]
  return (
    <section aria-label={title}>
      <Group justify="space-between">
        <Text fw={650}>{title}</Text>
        <Badge variant="default" size="lg" tt="none">
          <BusinessDate date={report.businessDate} />
        </Badge>
      </Group>
      <table className={classes.totals} data-testid="totals">
        <tbody>
          {lines.map(([name, line]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td data-testid={`total-${name.toLowerCase()}-count`}>{line.count}</td>
              <td data-testid={`total-${name.toLowerCase()}-sum`}>
                <Money amount={line.sum} currency={currency} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {report.firstRevision !== null && report.lastRevision !== null && (
        <Text size="xs" c="dimmed" mt="xs" style={{ overflowWrap: 'anywhere' }}>
          Revisions {report.firstRevision} to {report.lastRevision}
          {report.head ? `, head ${report.head.slice(0, 16)}…` : ''}
        </Text>
      )}
    </section>
  )
}

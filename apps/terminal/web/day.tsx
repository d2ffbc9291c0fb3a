import { Alert, Badge, Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { CircleCheck } from 'lucide-react'
import { useState } from 'react'
import { BusinessDate } from '#screens/age'
import { ask, order } from '#screens/api'
import { Money } from '#screens/money'
import { Answered, Failure } from '#screens/states'
import type { CountAndSum, DayReport, Till } from './answers.ts'
import { useSaid } from './said.ts'
import classes from './till.module.css'

/** The business day: opened here, looked at while it runs (X report), closed with its totals (Z report). */
export const Day = ({ till, close }: { readonly till: Till; readonly close: () => void }) => {
  const said = useSaid()
  const client = useQueryClient()
  const [sure, setSure] = useState(false)
  const refresh = () => client.invalidateQueries()
  const open = useMutation({ mutationFn: () => order('/api/day/open'), onSuccess: refresh })
  const shut = useMutation({ mutationFn: () => order<DayReport>('/api/day/close'), onSuccess: refresh })
  const running = till.day?.state === 'open'

  return (
    <Modal
      opened
      onClose={close}
      centered
      size="md"
      title={said('appBusinessDay')}
      closeButtonProps={{ 'aria-label': said('close') }}
    >
      {shut.data ? (
        <Stack data-testid="z-report">
          <Alert color="green" variant="outline" icon={<CircleCheck size={20} aria-hidden />}>
            {said('dayShut')}
          </Alert>
          <Totals report={shut.data} currency={till.currency} title={`${said('zReport')} ${shut.data.zNumber ?? ''}`} />
          <Button onClick={close} data-testid="z-report-done">
            {said('done')}
          </Button>
        </Stack>
      ) : running ? (
        <Stack>
          <Running till={till} closing={shut.isPending || shut.isSuccess} />
          {till.day && till.day.businessDate < till.today && (
            <Alert color="orange" variant="outline" data-testid="day-forgotten">
              <Text size="sm">{said('forgotten')}</Text>
              <Button
                size="sm"
                mt="xs"
                loading={open.isPending}
                onClick={() => open.mutate()}
                data-testid="day-roll-over"
              >
                {said('openToday')}
              </Button>
            </Alert>
          )}
          {open.error && <Failure error={open.error} title={said('nothingDone')} />}
          {shut.error && <Failure error={shut.error} title={said('nothingDone')} />}
          {sure ? (
            <Stack gap="xs">
              <Text fw={600}>{said('closeSure')}</Text>
              <Group justify="flex-end">
                <Button variant="default" onClick={() => setSure(false)}>
                  {said('keepOpen')}
                </Button>
                <Button
                  color="#a32222"
                  loading={shut.isPending}
                  onClick={() => shut.mutate()}
                  data-testid="day-close-confirm"
                >
                  {said('closeDayNow')}
                </Button>
              </Group>
            </Stack>
          ) : (
            <Button variant="default" onClick={() => setSure(true)} data-testid="day-close">
              {said('closeDay')}
            </Button>
          )}
        </Stack>
      ) : (
        <Stack>
          <Text>{said('dayNeeded')}</Text>
          {open.error && <Failure error={open.error} title={said('nothingDone')} />}
          <Button loading={open.isPending} onClick={() => open.mutate()} data-autofocus data-testid="day-open">
            {said('openDay')}
          </Button>
        </Stack>
      )}
      {!shut.data && <LastZ till={till} />}
    </Modal>
  )
}

/** Of the day that ended last: by hand, or because nobody closed it. */
const LastZ = ({ till }: { readonly till: Till }) => {
  const said = useSaid()
  const query = useQuery({
    queryKey: ['day', 'last', till.day?.businessDate ?? ''],
    queryFn: ({ signal }) => ask<{ readonly last: DayReport | null }>('/api/day/last', {}, signal),
  })
  const last = query.data?.last
  if (!last) return null
  return (
    <details className={classes.last} data-testid="last-z">
      <summary>{said('lastZ')}</summary>
      {last.rolledOver && <Text size="sm">{said('rolledOver')}</Text>}
      <Totals report={last} currency={till.currency} title={`${said('zReport')} ${last.zNumber ?? ''}`} />
    </details>
  )
}

const Running = ({ till, closing }: { readonly till: Till; readonly closing: boolean }) => {
  const said = useSaid()
  const query = useQuery({
    queryKey: ['day'],
    queryFn: ({ signal }) => ask<DayReport>('/api/day', {}, signal),
    // A day that is being closed has no report so far any more.
    enabled: !closing,
  })
  return (
    <Answered query={query} lines={5}>
      {report => <Totals report={report} currency={till.currency} title={said('xReport')} />}
    </Answered>
  )
}

const Totals = (props: { readonly report: DayReport; readonly currency: string; readonly title: string }) => {
  const { report, currency, title } = props
  const said = useSaid()
  const { sales, voids, refunds, declined, torn } = report.totals
  const lines: readonly (readonly ['sales' | 'voids' | 'refunds' | 'declined' | 'torn', CountAndSum])[] = [
    ['sales', sales],
    ['voids', voids],
    ['refunds', refunds],
    ['declined', declined],
    ['torn', torn],
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
              <th scope="row">{said(name)}</th>
              <td data-testid={`total-${name}-count`}>{line.count}</td>
              <td data-testid={`total-${name}-sum`}>
                <Money amount={line.sum} currency={currency} />
              </td>
            </tr>
          ))}
          <tr>
            <th scope="row">{said('net')}</th>
            <td />
            <td data-testid="total-net">
              <Money amount={report.net} currency={currency} />
            </td>
          </tr>
          {report.grandTotal && (
            <tr>
              <th scope="row">{said('grandTotal')}</th>
              <td />
              <td data-testid="total-grand">
                <Money amount={report.grandTotal.sales} currency={currency} />
              </td>
            </tr>
          )}
        </tbody>
      </table>
      {report.shifts.length > 0 && (
        <table className={classes.totals} data-testid="shifts">
          <caption>{said('byCashier')}</caption>
          <thead>
            <tr>
              {(['number', 'sales', 'net'] as const).map(head => (
                <th key={head} scope="col">
                  {said(head)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {report.shifts.map(shift => (
              <tr key={shift.cashier ?? ''} data-testid={`shift-${shift.cashier ?? 'nobody'}`}>
                <th scope="row">{shift.cashier ?? said('nobodySigned')}</th>
                <td>{shift.totals.sales.count}</td>
                <td>
                  <Money amount={shift.net} currency={currency} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {report.firstRevision !== null && report.lastRevision !== null && (
        <Text size="xs" c="dimmed" mt="xs" style={{ overflowWrap: 'anywhere' }}>
          {said('revisions')} {report.firstRevision} {said('until')} {report.lastRevision}
          {report.head ? `, ${said('head')} ${report.head.slice(0, 16)}…` : ''}
        </Text>
      )}
    </section>
  )
}

import { Badge, Button, Group, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { Instant } from '#screens/age'
import { order } from '#screens/api'
import { Money } from '#screens/money'
import { Answered } from '#screens/states'
import { type QuarantinedBatch, useAnswer } from './answers.ts'
import classes from './office.module.css'
import { OrderForm } from './order-form.tsx'
import { Allowed } from './session.tsx'

type Command = 'release' | 'reject'
const orders = {
  release: {
    title: 'Let it in',
    means:
      'The batch is checked again under today’s rules and taken into the log. Its payments are judged like any others. Where it is refused again, it stays here.',
  },
  reject: {
    title: 'Reject for good',
    means:
      'Nothing of the batch is ever posted: who paid in it owes nothing, and nobody is paid. This is not taken back.',
  },
} as const
const standings = {
  kept: ['Waits for a decision', 'orange'],
  released: ['Let in', 'green'],
  rejected: ['Rejected', 'gray'],
} as const

/** What a terminal sent, and the centre refused and keeps: nothing is shown where there never was any. */
export const Quarantine = ({ terminal }: { readonly terminal: string }) => {
  const path = `/api/terminals/${encodeURIComponent(terminal)}/quarantine`
  const query = useAnswer<{ readonly batches: readonly QuarantinedBatch[] }>(path)
  const [asked, setAsked] = useState<{ readonly command: Command; readonly of: QuarantinedBatch }>()
  if (query.data?.batches.length === 0) return null
  return (
    <section className={classes.panel} aria-label="Refused and kept">
      <Title order={2} size="h4" mb="xs">
        Refused and kept
      </Title>
      <Text size="sm" mb="sm" maw={640}>
        This terminal signed these batches, and the centre did not take them. They may hold payments.
      </Text>
      <Answered query={query}>
        {({ batches }) => (
          <Stack component="ul" gap="md" m={0} p={0} style={{ listStyle: 'none' }}>
            {batches.map(each => (
              <li key={each.batch} data-testid="quarantined-batch">
                <Batch of={each} ask={command => setAsked({ command, of: each })} />
              </li>
            ))}
          </Stack>
        )}
      </Answered>
      {asked && (
        <OrderForm
          name="quarantine"
          title={`${orders[asked.command].title}: ${revisionsOf(asked.of)}`}
          confirm={orders[asked.command].title}
          failed="It stays in quarantine"
          grave={asked.command === 'reject'}
          close={() => setAsked(undefined)}
          send={({ reason, key }) => order(`${path}/${asked.of.batch}/${asked.command}`, { reason }, key)}
        >
          <Text size="sm">{orders[asked.command].means}</Text>
        </OrderForm>
      )}
    </section>
  )
}

const revisionsOf = ({ from, count }: QuarantinedBatch): string =>
  count === 1 ? `revision ${from}` : `revisions ${from} to ${from + count - 1}`

const Batch = ({ of, ask }: { readonly of: QuarantinedBatch; readonly ask: (command: Command) => void }) => {
  const [words, colour] = standings[of.standing]
  return (
    <Stack gap={4}>
      <Group gap="xs">
        <Badge color={colour} variant="light">
          {words}
        </Badge>
        <Text size="sm" fw={600}>
          {revisionsOf(of)}
        </Text>
        <Text size="sm" c="dimmed">
          received <Instant instant={of.receivedAt} />
        </Text>
      </Group>
      <Text size="sm">
        {of.sales.length === 0
          ? 'No sale can be read in it.'
          : of.sales.map(({ currency, count, sum }, at) => (
              <span key={currency}>
                {at > 0 && ', '}
                {count} {count === 1 ? 'sale' : 'sales'}, <Money amount={sum} currency={currency} />
              </span>
            ))}
      </Text>
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {of.refused}: {of.message}
      </Text>
      {of.decided && (
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {words} by {of.decided.by}, <Instant instant={of.decided.at} />: {of.decided.reason}
        </Text>
      )}
      {of.standing === 'kept' && (
        <Allowed to="approver">
          <Group gap="xs">
            <Button variant="default" onClick={() => ask('release')} data-testid="quarantine-release">
              {orders.release.title}
            </Button>
            <Button variant="default" onClick={() => ask('reject')} data-testid="quarantine-reject">
              {orders.reject.title}
            </Button>
          </Group>
        </Allowed>
      )}
    </Stack>
  )
}

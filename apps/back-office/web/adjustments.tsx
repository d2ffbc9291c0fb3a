import { Badge, Button, Stack, Text, Title } from '@mantine/core'
import { Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { Instant } from '#screens/age'
import { Money } from '#screens/money'
import { Answered, Empty } from '#screens/states'
import { type Adjustment, type Aged, useAnswer } from './answers.ts'
import { Approve } from './approve.tsx'
import { Page } from './frame.tsx'
import classes from './office.module.css'
import { Allowed } from './session.tsx'

const ProposeAdjustment = lazy(() =>
  import('./propose-adjustment.tsx').then(({ ProposeAdjustment }) => ({ default: ProposeAdjustment })),
)

const colours = { proposed: 'blue', approved: 'green', rejected: 'gray' } as const

/** The book put right by hand: one person proposes balanced lines, another approves them. */
export const AdjustmentsPage = () => {
  const query = useAnswer<Aged & { readonly adjustments: readonly Adjustment[] }>('/api/adjustments')
  const [proposing, setProposing] = useState(false)
  return (
    <Page
      title="Adjustments"
      answer={query.data}
      fetchedAt={query.dataUpdatedAt}
      actions={
        <Allowed to="clerk">
          <Button leftSection={<Plus size={16} aria-hidden />} onClick={() => setProposing(true)} data-testid="propose">
            Propose one
          </Button>
        </Allowed>
      }
    >
      <Text maw={640}>
        What the book cannot put right by itself. One person proposes what is taken from whom and given to whom; it
        stands when another has approved it. A bank’s balance and what was promised to phones are not put right here.
      </Text>
      {proposing && (
        <Suspense>
          <ProposeAdjustment close={() => setProposing(false)} />
        </Suspense>
      )}
      <Answered query={query}>
        {({ adjustments }) =>
          adjustments.length === 0 ? (
            <Empty title="Nothing was adjusted">An adjustment stands here from when it is proposed.</Empty>
          ) : (
            <Stack component="ul" gap="md" p={0} m={0} style={{ listStyle: 'none' }} aria-label="Adjustments">
              {adjustments.map(each => (
                <li key={each.adjustment} className={classes.panel} data-testid={`adjustment-${each.adjustment}`}>
                  <AdjustmentCard adjustment={each} />
                </li>
              ))}
            </Stack>
          )
        }
      </Answered>
    </Page>
  )
}

const AdjustmentCard = ({ adjustment: of }: { readonly adjustment: Adjustment }) => (
  <Stack gap="sm">
    <Title order={2} size="h5" style={{ overflowWrap: 'anywhere' }}>
      {of.adjustment}{' '}
      <Badge variant="light" color={colours[of.state]}>
        {of.state}
      </Badge>
    </Title>
    <dl className={classes.facts}>
      {of.lines.map((line, place) => (
        // Lines are never moved: their place is what they are known by.
        <Lined key={`${of.adjustment}-${String(place)}`} line={line} />
      ))}
    </dl>
    {of.state === 'proposed' ? (
      <Approve
        at={`/api/adjustments/${encodeURIComponent(of.adjustment)}`}
        takeBack="reject"
        proposal={{ proposal: of.adjustment, operator: of.proposedBy, why: of.reason }}
        title="It waits for a second person"
      />
    ) : (
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        Proposed by {of.proposedBy}: {of.reason} {of.state === 'approved' ? 'Approved' : 'Rejected'} by {of.decidedBy}
        {of.decided ? (
          <>
            , <Instant instant={of.decided} />
          </>
        ) : null}
        {of.why ? `: ${of.why}` : '.'}
      </Text>
    )}
  </Stack>
)

const Lined = ({ line }: { readonly line: Adjustment['lines'][number] }) => (
  <>
    <dt>{line.side === 'debit' ? 'Debit' : 'Credit'}</dt>
    <dd style={{ overflowWrap: 'anywhere' }}>
      <Money amount={line.amount} currency={line.currency} /> {line.account}
    </dd>
  </>
)

import { Anchor, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { Ago } from '#screens/age'
import { Answered, Empty } from '#screens/states'
import { useApprovals, type Waiting } from './answers.ts'
import { Approve } from './approve.tsx'
import { Page } from './frame.tsx'
import classes from './office.module.css'
import { useMay } from './session.tsx'

/** All that waits for a second person, whatever it is about: the longest first. */
export const ApprovalsPage = () => {
  const query = useApprovals()
  const mayApprove = useMay('approver')
  return (
    <Page title="Approvals" answer={query.data} fetchedAt={query.dataUpdatedAt}>
      <Text maw={640}>
        What one person has proposed and another must approve. {mayApprove ? '' : 'Your role approves nothing.'}
      </Text>
      <Answered query={query}>
        {({ waiting }) =>
          waiting.length === 0 ? (
            <Empty title="Nothing waits for a second person">
              What is proposed of an account, a payment, the book or a bound stands here until somebody decides.
            </Empty>
          ) : (
            <Stack component="ul" gap="md" p={0} m={0} style={{ listStyle: 'none' }} aria-label="Approvals">
              {waiting.map(each => (
                <li key={each.index} className={classes.panel} data-testid={`waits-${each.proposal}`}>
                  <WaitingCard of={each} isTooLow={!mayApprove} />
                </li>
              ))}
            </Stack>
          )
        }
      </Answered>
    </Page>
  )
}

const WaitingCard = ({ of, isTooLow }: { readonly of: Waiting; readonly isTooLow: boolean }) => (
  <Approve
    {...ordersOf(of)}
    proposal={of}
    hindrance={isTooLow ? 'It takes an approver, who did not propose it.' : of.hindrance?.message}
    title={`Asked for: ${of.asks}`}
  >
    <Text size="sm">
      <Place of={of} />, <Ago instant={of.proposed} />
    </Text>
  </Approve>
)

/** Where it is approved, and what each place calls taking it back. */
const ordersOf = ({
  kind,
  subject,
  proposal,
}: Waiting): { at: string; takeBack: 'withdraw' | 'reject'; saysWhy: 'why' | 'reason' } => {
  const [on, id] = [encodeURIComponent(subject), encodeURIComponent(proposal)]
  switch (kind) {
    case 'account order':
      return { at: `/api/accounts/${on}/proposals/${id}`, takeBack: 'reject', saysWhy: 'reason' }
    case 'write-off':
      return { at: `/api/accounts/${on}/write-offs/${id}`, takeBack: 'reject', saysWhy: 'reason' }
    case 'adjustment':
      return { at: `/api/adjustments/${id}`, takeBack: 'reject', saysWhy: 'why' }
    case 'bound':
      return { at: `/api/credit-bounds/${id}`, takeBack: 'reject', saysWhy: 'reason' }
    default:
      return { at: `/api/payments/${on}/proposals/${id}`, takeBack: 'withdraw', saysWhy: 'why' }
  }
}

/** Where more is to be read of it. */
const Place = ({ of: { kind, subject } }: { readonly of: Waiting }) => {
  switch (kind) {
    case 'account order':
    case 'write-off':
      return (
        <Anchor component={Link} to={`/accounts/${encodeURIComponent(subject)}`}>
          Account {subject}
        </Anchor>
      )
    case 'adjustment':
      return (
        <Anchor component={Link} to="/adjustments">
          Adjustment {subject}
        </Anchor>
      )
    case 'bound':
      return (
        <Anchor component={Link} to="/authority">
          Credit in {subject}
        </Anchor>
      )
    default:
      return (
        <Anchor component={Link} to={`/transactions/${subject}`}>
          Payment {subject.slice(0, 12)}…
        </Anchor>
      )
  }
}

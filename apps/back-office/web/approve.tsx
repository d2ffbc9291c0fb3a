import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { UserCheck } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import type { Proposal } from './answers.ts'
import { Reason, useOrder } from './order-form.tsx'
import { Allowed } from './session.tsx'

/** What one person proposed: another approves it, or somebody takes it back. */
export const Approve = (props: {
  /** Where it is approved and withdrawn: `…/approve` and `…/withdraw` under it. */
  readonly at: string
  readonly proposal: Proposal
  readonly title: ReactNode
  /** What taking it back is called there. */
  readonly takeBack?: 'withdraw' | 'reject'
  /** What the order to take it back calls its reason. */
  readonly saysWhy?: 'why' | 'reason'
  /** Why the one who looks cannot be the second person; known before they try. */
  readonly hindrance?: string | undefined
  readonly children?: ReactNode
}) => {
  const { operator, why } = props.proposal
  const { takeBack = 'withdraw', saysWhy = 'why' } = props
  const named = takeBack === 'withdraw' ? 'Withdraw' : 'Reject'
  const [taking, setTaking] = useState(false)
  const [reason, setReason] = useState('')
  const approve = useOrder(() => order(`${props.at}/approve`))
  const withdraw = useOrder(() => order(`${props.at}/${takeBack}`, { [saysWhy]: reason.trim() }))
  const fault = approve.error ?? withdraw.error
  return (
    <Stack maw={560} data-testid="proposal">
      <Alert
        color="blue"
        variant="outline"
        title={props.title}
        icon={<UserCheck size={20} aria-hidden />}
        style={{ overflowWrap: 'anywhere' }}
      >
        {props.children}
        <Text size="sm">
          Proposed by {operator}: {why}
        </Text>
        <Text size="sm" data-testid="hindrance">
          {props.hindrance ?? 'Another operator must approve it.'}
        </Text>
      </Alert>
      {fault && <Failure error={fault} title="Nothing was done" />}
      {taking && <Reason value={reason} say={setReason} testId="withdraw-reason" />}
      <Group>
        {props.hindrance === undefined && (
          <Allowed to="approver">
            <Button onClick={approve.go} loading={approve.isPending} data-testid="approve">
              Approve
            </Button>
          </Allowed>
        )}
        <Allowed to="clerk">
          {taking ? (
            <Button
              variant="default"
              disabled={reason.trim() === ''}
              loading={withdraw.isPending}
              onClick={withdraw.go}
              data-testid="withdraw-now"
            >
              {named} it
            </Button>
          ) : (
            <Button variant="subtle" onClick={() => setTaking(true)} data-testid="withdraw">
              {named}
            </Button>
          )}
        </Allowed>
      </Group>
    </Stack>
  )
}

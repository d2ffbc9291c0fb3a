import { Button, Group, Radio, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { order } from '#screens/api'
import { Money } from '#screens/money'
import { Failure } from '#screens/states'
import type { Bearer, HeldReversal, PaymentFile } from './answers.ts'
import { Approve } from './approve.tsx'
import { Reason, useOrder } from './order-form.tsx'
import { Allowed } from './session.tsx'

const bearers: readonly (readonly [Bearer, string, string])[] = [
  ['payer', 'The payer', 'Charged to the account as an accepted payment is; the merchant is paid.'],
  ['merchant', 'The merchant', 'Nobody is charged, and the merchant is not paid.'],
  ['operator', 'We, the operator', 'Booked as our loss; the merchant is paid.'],
]
const nameOf = (bears: Bearer): string => bearers.find(([value]) => value === bears)?.[1] ?? bears

const pathOf = (payment: string): string => `/api/payments/${encodeURIComponent(payment)}`

/** Nobody owes and nobody is paid until one person has proposed who bears it, and another has approved that. */
export const Decide = ({ file }: { readonly file: PaymentFile }) =>
  file.proposal ? (
    <Approve
      at={`${pathOf(file.payment)}/proposals/${encodeURIComponent(file.proposal.proposal)}`}
      proposal={file.proposal}
      title={`${nameOf(file.proposal.bears)} should bear it`}
    />
  ) : (
    <Allowed to="clerk">
      <Propose file={file} />
    </Allowed>
  )

const Propose = ({ file }: { readonly file: PaymentFile }) => {
  const [bears, setBears] = useState('')
  const [reason, setReason] = useState('')
  const propose = useOrder(() => order(`${pathOf(file.payment)}/proposals`, { bears, reason: reason.trim() }))
  return (
    <form onSubmit={propose.submit}>
      <Stack maw={560}>
        <Radio.Group value={bears} onChange={setBears} label="Borne by">
          <Stack gap="xs" mt={6}>
            {bearers.map(([value, label, description]) => (
              <Radio key={value} value={value} label={label} description={description} data-testid={`bears-${value}`} />
            ))}
          </Stack>
        </Radio.Group>
        <Reason
          value={reason}
          say={setReason}
          testId="decide-reason"
          readBy="Read by whoever approves, and by the auditor"
        />
        {propose.error && <Failure error={propose.error} title="It stays held" />}
        <Group>
          <Button
            type="submit"
            disabled={bears === '' || reason.trim() === ''}
            loading={propose.isPending}
            data-testid="decide"
          >
            Propose
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** A void or refund that waits: it is released with its original, or refused by two people. */
/** Why a reversal waits for people and for nothing else. */
const outOfHand: Readonly<Record<string, string>> = {
  TerminalLost:
    'it came from its terminal after that was declared lost, and whoever has the terminal may have written it',
  TerminalSuspended:
    'it came from its terminal after that was suspended, and whoever has the terminal may have written it',
}

export const RefuseReversal = (props: {
  readonly payment: string
  readonly currency: string
  readonly held: HeldReversal
}) => {
  const { held, currency } = props
  const [why, setWhy] = useState('')
  const at = `${pathOf(props.payment)}/reversals/${encodeURIComponent(held.reversal)}/proposals`
  const refuse = useOrder(() => order(at, { that: 'refused', why: why.trim() }))
  const release = useOrder(() => order(at, { that: 'released', why: why.trim() }))
  const error = refuse.error ?? release.error
  return (
    <Stack maw={560} data-testid={`reversal-${held.reversal}`}>
      <Title order={3} size="h5">
        {held.kind === 'void' ? 'Void' : 'Refund'} of <Money amount={held.amount} currency={currency} /> at{' '}
        {held.terminal}
      </Title>
      <Text size="sm">
        Held because: {outOfHand[held.reason] ?? held.reason}. The merchant does not have it, and the payer has not got
        it back.
      </Text>
      {held.proposal ? (
        <Approve
          at={`${pathOf(props.payment)}/proposals/${encodeURIComponent(held.proposal.proposal)}`}
          proposal={held.proposal}
          title={
            held.proposal.about === 'release'
              ? 'It should be let through, and the payer get it back'
              : 'It should be refused, and go back to the merchant'
          }
        />
      ) : (
        <Allowed to="clerk">
          <Reason value={why} say={setWhy} testId="refuse-reason" />
          {error && <Failure error={error} title="It stays held" />}
          <Group>
            <Button
              variant="default"
              disabled={why.trim() === ''}
              loading={refuse.isPending}
              onClick={refuse.go}
              data-testid="refuse"
            >
              Propose to refuse it
            </Button>
            {/* Any other goes through by itself, once nothing is in its way. */}
            {outOfHand[held.reason] !== undefined && (
              <Button
                variant="default"
                disabled={why.trim() === ''}
                loading={release.isPending}
                onClick={release.go}
                data-testid="let-through"
              >
                Propose to let it through
              </Button>
            )}
          </Group>
        </Allowed>
      )}
    </Stack>
  )
}

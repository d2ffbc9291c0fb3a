import { Badge, Button, Group, Stack, Text, Title } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { useState } from 'react'
import type { Role } from '#operator/roles'
import { order } from '#screens/api'
import { Money } from '#screens/money'
import { Answered } from '#screens/states'
import type { Repayment } from './account-repayments.tsx'
import { SetTerms, type Terms, TermsInWords } from './account-terms.tsx'
import { Approve } from './approve.tsx'
import classes from './office.module.css'
import { Line, OrderForm } from './order-form.tsx'
import { Allowed } from './session.tsx'

type Standing = 'open' | 'suspended' | 'closing' | 'closed'

interface WriteOff {
  readonly writeOff: string
  readonly amount: string
  readonly currency: string
  readonly operator: string
  readonly why: string
  readonly state: 'proposed' | 'rejected' | 'done'
}

/** What takes a second person, in the centre's words. */
interface Waits {
  readonly proposal: string
  readonly asks: string
  readonly operator: string
  readonly why: string
}

export interface AccountFile {
  readonly account: string
  readonly state: Standing
  readonly currencies: readonly Terms[]
  readonly repayments: readonly Repayment[]
  readonly writeOffs: readonly WriteOff[]
  readonly proposals: readonly Waits[]
}

type Order = {
  readonly at: string
  readonly title: string
  /** What it comes to, before anybody says yes. */
  readonly means: string
  readonly when: readonly Standing[]
  readonly asks: readonly ('limit' | 'amount' | 'reason')[]
  readonly to: Role
  /** Money that is told to have come or gone, by the bank as a rule. */
  readonly asksSource?: true
  /** Where there is a debt that was written off. */
  readonly ofLost?: true
  readonly grave?: boolean
}

const always = ['open', 'suspended', 'closing', 'closed'] as const

const orders: readonly Order[] = [
  {
    at: 'limit',
    title: 'Set the limit',
    means:
      'What is promised to phones already stays promised. A limit beyond what one person may give waits for another’s approval.',
    when: ['open', 'suspended'],
    asks: ['limit', 'reason'],
    to: 'clerk',
  },
  {
    at: 'repayments',
    title: 'Receive a repayment',
    means: 'It lowers what is owed; what is beyond that is a credit balance.',
    when: always,
    asks: ['amount'],
    to: 'clerk',
    asksSource: true,
  },
  {
    at: 'payouts',
    title: 'Propose a payout',
    means: 'Of a credit balance, and no more than that. Another person must approve it.',
    when: always,
    asks: ['amount', 'reason'],
    to: 'clerk',
    asksSource: true,
  },
  {
    at: 'recoveries',
    title: 'Recover a debt',
    means:
      'Money that came after all for a debt that was written off: it makes our loss smaller, and is owed by nobody.',
    when: always,
    asks: ['amount'],
    to: 'clerk',
    asksSource: true,
    ofLost: true,
  },
  {
    at: 'write-offs',
    title: 'Propose a write-off',
    means: 'Another person must approve it. A rule says who bears it.',
    when: always,
    asks: ['amount', 'reason'],
    to: 'clerk',
  },
  {
    at: 'suspend',
    title: 'Suspend',
    means: 'No phone of it is let in, and terminals refuse those that it has from their next sync on.',
    when: ['open'],
    asks: ['reason'],
    to: 'clerk',
    grave: true,
  },
  {
    at: 'reinstate',
    title: 'Reinstate',
    means: 'Its phones pay again from the terminals’ next sync on; those that were lost do not.',
    when: ['suspended', 'closing'],
    asks: ['reason'],
    to: 'approver',
  },
  {
    at: 'closing',
    title: 'Begin closing',
    means: 'Its licenses end for good, and what phones hold is free when their terms are over.',
    when: ['open', 'suspended'],
    asks: ['reason'],
    to: 'clerk',
    grave: true,
  },
  {
    at: 'close',
    title: 'Close',
    means: 'Only where nothing is owed, in credit, in dispute or held.',
    when: ['closing'],
    asks: [],
    to: 'clerk',
    grave: true,
  },
]

/** Whether the account stands, what may be ordered of it, and what waits for a second person. */
export const AccountOrders = (props: {
  readonly account: string
  readonly currency: string
  readonly query: UseQueryResult<AccountFile>
}) => {
  const { account, currency, query } = props
  const at = `/api/accounts/${encodeURIComponent(account)}`
  const [asked, setAsked] = useState<Order>()
  const [setting, setSetting] = useState(false)
  const terms = query.data?.currencies.find(each => each.currency === currency)
  return (
    <section className={classes.panel} aria-label="Orders">
      <Answered query={query} lines={1}>
        {({ state, writeOffs, proposals }) => (
          <Stack gap="sm">
            <Group gap="xs">
              <Title order={2} size="h4">
                Account
              </Title>
              <Badge variant="default" data-testid="account-state">
                {state}
              </Badge>
            </Group>
            <Group gap="xs">
              {orders
                .filter(({ when, ofLost }) => when.includes(state) && (!ofLost || Number(terms?.lost ?? 0) > 0))
                .map(each => (
                  <Allowed key={each.at} to={each.to}>
                    <Button variant="default" onClick={() => setAsked(each)} data-testid={`account-${each.at}`}>
                      {each.title}
                    </Button>
                  </Allowed>
                ))}
              {terms && state !== 'closed' && (
                <Allowed to="approver">
                  <Button variant="default" onClick={() => setSetting(true)} data-testid="account-terms">
                    Set the terms
                  </Button>
                </Allowed>
              )}
            </Group>
            {terms && <TermsInWords of={terms} />}
            {writeOffs
              .filter(each => each.state === 'proposed')
              .map(each => (
                <Approve
                  key={each.writeOff}
                  at={`${at}/write-offs/${encodeURIComponent(each.writeOff)}`}
                  proposal={{ proposal: each.writeOff, operator: each.operator, why: each.why }}
                  takeBack="reject"
                  saysWhy="reason"
                  title={
                    <>
                      <Money amount={each.amount} currency={each.currency} /> should be written off
                    </>
                  }
                />
              ))}
            {proposals.map(({ proposal, asks, ...said }) => (
              <Approve
                key={proposal}
                at={`${at}/proposals/${encodeURIComponent(proposal)}`}
                proposal={{ proposal, ...said }}
                takeBack="reject"
                saysWhy="reason"
                title={`Asked for: ${asks}`}
              />
            ))}
          </Stack>
        )}
      </Answered>
      {setting && terms && <SetTerms at={at} of={terms} close={() => setSetting(false)} />}
      {asked && <Ask key={asked.at} order={asked} at={at} currency={currency} close={() => setAsked(undefined)} />}
    </section>
  )
}

const Ask = (props: {
  readonly order: Order
  readonly at: string
  readonly currency: string
  readonly close: () => void
}) => {
  const { order: asked, at, currency, close } = props
  const [amount, setAmount] = useState('')
  const [source, setSource] = useState('bank')
  // A limit may be the first in a currency.
  const [of, setOf] = useState(currency)
  const money = asked.asks.includes('limit') ? 'limit' : asked.asks.includes('amount') ? 'amount' : undefined
  const asksReason = asked.asks.includes('reason')
  return (
    <OrderForm
      name="account"
      title={asked.title}
      confirm={asked.title}
      failed="Nothing was done"
      grave={asked.grave ?? false}
      asksReason={asksReason}
      ready={(money === undefined || amount.trim() !== '') && source.trim() !== ''}
      close={close}
      send={({ reason, key }) =>
        order(
          `${at}/${asked.at}`,
          {
            ...(money ? { [money]: amount.trim(), currency: of.trim() } : {}),
            ...(asksReason ? { reason } : {}),
            ...(asked.asksSource ? { source: source.trim() } : {}),
          },
          key,
        )
      }
    >
      <Text size="sm">{asked.means}</Text>
      {money && (
        <Line
          label={money === 'limit' ? 'Limit' : `Amount in ${currency}`}
          inputMode="decimal"
          required
          value={amount}
          say={setAmount}
          data-autofocus
          testId="account-amount"
        />
      )}
      {money === 'limit' && (
        <Line
          label="Currency"
          description="Another one opens the account in it as well"
          required
          maxLength={3}
          value={of}
          say={words => setOf(words.toUpperCase())}
          testId="account-of"
        />
      )}
      {asked.asksSource && (
        <Line
          label="By"
          description="The way that the money went, as the book calls it"
          required
          maxLength={64}
          value={source}
          say={setSource}
          testId="account-source"
        />
      )}
    </OrderForm>
  )
}

import { Button, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { order } from '#screens/api'
import { Money } from '#screens/money'
import { Answered } from '#screens/states'
import { type Sum, useAnswer } from './answers.ts'
import { Approve } from './approve.tsx'
import classes from './office.module.css'
import { Line, OrderForm } from './order-form.tsx'
import { Allowed } from './session.tsx'

type Bound = { readonly currency: string; readonly bound: string }
type Bounds = {
  readonly bounds: readonly Bound[]
  /** Where nothing was set, in euros. */
  readonly usual: string
  readonly proposals: readonly (Bound & {
    readonly proposal: string
    readonly operator: string
    readonly why: string
  })[]
}

/** How much credit one person may give an account alone. */
export const CreditBounds = () => {
  const query = useAnswer<Bounds>('/api/credit-bounds')
  const [asked, setAsked] = useState<Sum>()
  return (
    <section className={classes.panel} aria-label="Credit bounds">
      <Answered query={query} lines={2}>
        {({ bounds, usual, proposals }) => (
          <Stack gap="sm">
            <Text size="sm">
              Beyond it a limit or terms take a second person. Where nothing was set it is {usual} of most currencies.
            </Text>
            {bounds.length > 0 && (
              <dl className={classes.facts}>
                {bounds.map(({ currency, bound }) => (
                  <Set key={currency} currency={currency} amount={bound} />
                ))}
              </dl>
            )}
            {proposals.map(({ proposal, currency, bound, operator, why }) => (
              <Approve
                key={proposal}
                at={`/api/credit-bounds/${encodeURIComponent(proposal)}`}
                proposal={{ proposal, operator, why }}
                takeBack="reject"
                saysWhy="reason"
                title={
                  <>
                    The bound should be <Money amount={bound} currency={currency} />
                  </>
                }
              />
            ))}
            <Allowed to="administrator">
              <Button
                variant="default"
                w="fit-content"
                onClick={() => setAsked(firstOf(bounds, usual))}
                data-testid="bound-change"
              >
                Set a bound
              </Button>
            </Allowed>
          </Stack>
        )}
      </Answered>
      {asked && <SetBound from={asked} close={() => setAsked(undefined)} />}
    </section>
  )
}

const firstOf = ([first]: readonly Bound[], usual: string): Sum =>
  first ? { currency: first.currency, amount: first.bound } : { currency: 'EUR', amount: usual }

const Set = ({ currency, amount }: Sum) => (
  <>
    <dt>{currency}</dt>
    <dd data-testid={`bound-${currency}`}>
      <Money amount={amount} currency={currency} />
    </dd>
  </>
)

const SetBound = ({ from, close }: { readonly from: Sum; readonly close: () => void }) => {
  const [currency, setCurrency] = useState(from.currency)
  const [bound, setBound] = useState(from.amount)
  return (
    <OrderForm
      name="bound"
      title="Credit one person may give"
      confirm="Set the bound"
      failed="The bound stays as it was"
      asksReason
      ready={bound.trim() !== '' && currency.trim().length === 3}
      close={close}
      send={({ reason, key }) =>
        order('/api/credit-bounds', { currency: currency.trim(), bound: bound.trim(), reason }, key)
      }
    >
      <Text size="sm">Lower, it holds at once. Higher, it waits until another person approves it.</Text>
      <Line
        label="Currency"
        required
        maxLength={3}
        value={currency}
        say={words => setCurrency(words.toUpperCase())}
        testId="bound-currency"
      />
      <Line
        label="Bound"
        inputMode="decimal"
        required
        value={bound}
        say={setBound}
        data-autofocus
        testId="bound-amount"
      />
    </OrderForm>
  )
}

import { Checkbox, Text } from '@mantine/core'
import { useState } from 'react'
import { order } from '#screens/api'
import { Money } from '#screens/money'
import classes from './office.module.css'
import { Line, OrderForm } from './order-form.tsx'

/** What an account may do in one currency. */
export interface Terms {
  readonly currency: string
  readonly limit: string
  readonly creditCounts: boolean
  readonly oversubscription: string
  /** Written off and not recovered. */
  readonly lost: string
}

export const TermsInWords = ({ of }: { readonly of: Terms }) => (
  <dl className={classes.facts} data-testid="account-terms-now">
    <dt>A credit balance</dt>
    <dd>{of.creditCounts ? 'may be spent beyond the limit' : 'is not counted as available'}</dd>
    <dt>Phones may be promised</dt>
    <dd>
      {Number(of.oversubscription) === 0 ? (
        'no more than is available'
      ) : (
        <>
          <Money amount={of.oversubscription} currency={of.currency} /> more than is available
        </>
      )}
    </dd>
    {Number(of.lost) > 0 && (
      <>
        <dt>Written off</dt>
        <dd>
          <Money amount={of.lost} currency={of.currency} testId="account-lost" />, not recovered
        </dd>
      </>
    )}
  </dl>
)

export const SetTerms = (props: { readonly at: string; readonly of: Terms; readonly close: () => void }) => {
  const { at, of, close } = props
  const [creditCounts, setCreditCounts] = useState(of.creditCounts)
  const [oversubscription, setOversubscription] = useState(of.oversubscription)
  return (
    <OrderForm
      name="terms"
      title={`Terms in ${of.currency}`}
      confirm="Set the terms"
      failed="The terms stay as they were"
      close={close}
      send={({ reason, key }) =>
        order(
          `${at}/terms`,
          {
            currency: of.currency,
            creditCounts,
            oversubscription: oversubscription.trim() === '' ? '0' : oversubscription.trim(),
            reason,
          },
          key,
        )
      }
    >
      <Checkbox
        label="A credit balance may be spent beyond the limit"
        checked={creditCounts}
        onChange={input => setCreditCounts(input.currentTarget.checked)}
        data-testid="terms-credit"
      />
      <Line
        label={`Oversubscription in ${of.currency}`}
        description="So much more than is available may be promised to phones: a risk that is ours."
        inputMode="decimal"
        value={oversubscription}
        say={setOversubscription}
        data-autofocus
        testId="terms-oversubscription"
      />
      <Text size="sm">
        What was promised to phones already stays promised. Credit beyond what one person may give waits for another’s
        approval.
      </Text>
    </OrderForm>
  )
}

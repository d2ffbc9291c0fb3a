import { Button, Checkbox, Group, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { order } from '#screens/api'
import type { Merchant } from './answers.ts'
import classes from './office.module.css'
import { Line, OrderForm } from './order-form.tsx'
import { Allowed, useMay } from './session.tsx'

/** 1.5 and "1,5" are 150 hundredths of a percent; what is no percentage goes to the centre as it is, to be refused. */
const basisPoints = (percent: string): number => Math.round(Number(percent.trim().replace(',', '.')) * 100)
const isPercent = (percent: string): boolean => /^\s*\d{1,3}([.,]\d{1,2})?\s*$/.test(percent)

const Percent = (props: {
  readonly label: string
  readonly value: string
  readonly say: (words: string) => void
  readonly testId: string
  readonly first?: true
}) => (
  <Line
    label={props.label}
    inputMode="decimal"
    required
    value={props.value}
    say={props.say}
    error={props.value === '' || isPercent(props.value) ? undefined : 'A percentage, as 1.50'}
    data-autofocus={props.first}
    testId={props.testId}
  />
)

/** What may be ordered of a merchant: its terms, and what it pays in where it owes us. */
export const MerchantOrders = ({ of }: { readonly of: Merchant }) => {
  const [asked, setAsked] = useState<'terms' | 'payIn'>()
  if (!useMay('clerk')) return null
  const close = () => setAsked(undefined)
  return (
    <section className={classes.panel} aria-label="Orders">
      <Title order={2} size="h4" mb="xs">
        Orders
      </Title>
      <Group gap="xs">
        <Allowed to="approver">
          <Button variant="default" onClick={() => setAsked('terms')} data-testid="merchant-terms">
            Set the terms
          </Button>
        </Allowed>
        <Button variant="default" onClick={() => setAsked('payIn')} data-testid="merchant-pay-in">
          Receive a payment
        </Button>
      </Group>
      {asked === 'terms' && <SetTerms of={of} close={close} />}
      {asked === 'payIn' && <PayIn of={of} close={close} />}
    </section>
  )
}

const SetTerms = ({ of, close }: { readonly of: Merchant; readonly close: () => void }) => {
  const [fee, setFee] = useState(((of.terms?.feeBasisPoints ?? 0) / 100).toFixed(2))
  const [tax, setTax] = useState(((of.terms?.taxBasisPoints ?? 0) / 100).toFixed(2))
  const [returnsFee, setReturnsFee] = useState(of.terms?.returnsFee ?? true)
  const [days, setDays] = useState('')
  return (
    <OrderForm
      name="terms"
      title={`Terms of ${of.name}`}
      confirm="Set the terms"
      failed="The terms stay as they were"
      asksReason={false}
      ready={isPercent(fee) && isPercent(tax)}
      close={close}
      send={() =>
        order(`/api/merchants/${encodeURIComponent(of.merchant)}/terms`, {
          feeBasisPoints: basisPoints(fee),
          taxBasisPoints: basisPoints(tax),
          returnsFee,
          ...(days === '' ? {} : { owesAfterDays: Number(days) }),
        })
      }
    >
      <Text size="sm">They hold for payments that are judged from now on; what was judged keeps the terms it had.</Text>
      <Percent label="Fee, in percent" value={fee} say={setFee} testId="terms-fee" first />
      <Percent label="Tax on the fee, in percent" value={tax} say={setTax} testId="terms-tax" />
      <Checkbox
        label="With what is given back, its fee is returned"
        checked={returnsFee}
        onChange={input => setReturnsFee(input.currentTarget.checked)}
        data-testid="terms-returns-fee"
      />
      <Line
        label="Days below zero before it is told"
        description="Left empty, as many as they are now: 14 where nobody has said"
        inputMode="numeric"
        value={days}
        say={words => setDays(words.replace(/\D/g, ''))}
        testId="terms-days"
      />
    </OrderForm>
  )
}

const PayIn = ({ of, close }: { readonly of: Merchant; readonly close: () => void }) => {
  const owes = of.payable.startsWith('-')
  const [amount, setAmount] = useState(owes ? of.payable.slice(1) : '')
  const [source, setSource] = useState('bank')
  return (
    <OrderForm
      name="pay-in"
      title={`A payment of ${of.name}`}
      confirm="Receive it"
      failed="Nothing was booked"
      asksReason={false}
      ready={amount.trim() !== '' && source.trim() !== ''}
      close={close}
      send={({ key }) =>
        order(
          `/api/merchants/${encodeURIComponent(of.merchant)}/payments`,
          { amount: amount.trim(), currency: of.currency, source: source.trim() },
          key,
        )
      }
    >
      <Text size="sm">
        {owes
          ? 'It makes good what the merchant owes us; what is beyond that, we owe it.'
          : 'The merchant owes us nothing: what it pays in, we owe it.'}
      </Text>
      <Line
        label={`Amount in ${of.currency}`}
        inputMode="decimal"
        required
        value={amount}
        say={setAmount}
        data-autofocus
        testId="pay-in-amount"
      />
      <Line
        label="By"
        description="The way that the money came, as the book calls it"
        required
        maxLength={64}
        value={source}
        say={setSource}
        testId="pay-in-source"
      />
    </OrderForm>
  )
}

/** A merchant is opened with its currency, its fee and the tax on it, before its first shop. */
export const OpenMerchant = ({ close }: { readonly close: () => void }) => {
  const [merchant, setMerchant] = useState('')
  const [name, setName] = useState('')
  const [currency, setCurrency] = useState('EUR')
  const [fee, setFee] = useState('')
  const [tax, setTax] = useState('')
  return (
    <OrderForm
      name="merchant"
      title="Open a merchant"
      confirm="Open the merchant"
      failed="No merchant was opened"
      asksReason={false}
      ready={name.trim() !== '' && isPercent(fee) && isPercent(tax)}
      close={close}
      send={() =>
        order('/api/merchants', {
          ...(merchant.trim() === '' ? {} : { merchant: merchant.trim() }),
          name: name.trim(),
          currency: currency.trim(),
          feeBasisPoints: basisPoints(fee),
          taxBasisPoints: basisPoints(tax),
        })
      }
    >
      <Line label="Name" required maxLength={120} value={name} say={setName} data-autofocus testId="merchant-name" />
      <Line
        label="Id"
        description="Left empty, the centre names it"
        value={merchant}
        say={setMerchant}
        testId="merchant-id"
      />
      <Line
        label="Currency"
        required
        maxLength={3}
        value={currency}
        say={words => setCurrency(words.toUpperCase())}
        testId="merchant-currency"
      />
      <Percent label="Fee, in percent" value={fee} say={setFee} testId="merchant-fee" />
      <Percent label="Tax on the fee, in percent" value={tax} say={setTax} testId="merchant-tax" />
    </OrderForm>
  )
}

import { Badge, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { ArrowLeft, Lock, ReceiptText } from 'lucide-react'
import { BusinessDate, Instant } from '#screens/age'
import { ask } from '#screens/api'
import { TestMark } from '#screens/mode'
import { Money, writtenAmount } from '#screens/money'
import { Answered, Empty } from '#screens/states'
import { SchemeToggle } from '#screens/theme'
import { Link } from './address.tsx'
import type { Payment, Phone } from './answers.ts'
import { License } from './license.tsx'
import classes from './phone.module.css'
import { grouped } from './phones.tsx'
import { Tap } from './tap.tsx'

export const PhonePage = ({ id }: { readonly id: string }) => {
  const query = useQuery({
    queryKey: ['phone', id],
    queryFn: ({ signal }) => ask<Phone>(`/api/phones/${encodeURIComponent(id)}`, {}, signal),
  })
  return (
    <main className={classes.frame}>
      <div className={classes.head}>
        <Link to="/" className={classes.back} testId="all-phones">
          <ArrowLeft size={18} aria-hidden /> All phones
        </Link>
        <SchemeToggle />
      </div>
      <h1 className={classes.unseen}>Phone {id}</h1>
      <Answered query={query} lines={6}>
        {phone => (
          <>
            <Card phone={phone} />
            <Tap phone={phone} />
            <License phone={phone} />
            <History payments={phone.payments} />
          </>
        )}
      </Answered>
    </main>
  )
}

const Card = ({ phone }: { readonly phone: Phone }) => (
  <section className={classes.card} aria-label="Card">
    <div className={classes.cardTop}>
      <span>{phone.account}</span>
      <TestMark mode={phone.mode} says="A license of a test centre: no real money moves with it" />
      {phone.locked && (
        <Badge color="#8a4b00" variant="filled" leftSection={<Lock size={12} aria-hidden />}>
          Locked
        </Badge>
      )}
    </div>
    <p className={classes.cardNumber} data-testid="card-number">
      {grouped(phone.card)}
    </p>
    <div className={classes.cardFoot}>
      <span>
        <small>Left to use offline</small>
        <b className={classes.left} data-testid="allowance-left">
          {writtenAmount(phone.allowanceLeft)} {phone.currency}
        </b>
        <small>
          of {writtenAmount(phone.allowance)} {phone.currency}
        </small>
      </span>
      <span className={classes.until}>
        <small>License until</small>
        <BusinessDate date={phone.license.expires.slice(0, 10)} />
      </span>
    </div>
  </section>
)

const History = ({ payments }: { readonly payments: readonly Payment[] }) => (
  <section className={classes.history} aria-label="Payments">
    <Title order={2} size="h4" mb={4}>
      Payments
    </Title>
    {payments.length === 0 ? (
      <Empty title="Nothing paid yet">What this phone pays at a terminal will stand here, with its receipt.</Empty>
    ) : (
      <ul className={classes.payments}>
        {payments.map(each => (
          <li key={each.payment} className={classes.payment} data-testid={`payment-${each.transaction}`}>
            <b>{each.merchant}</b>
            <b className={classes.right}>
              <Money amount={each.amount} currency={each.currency} />
            </b>
            <Text span size="sm" c="dimmed">
              <Instant instant={each.time} />, {each.terminal}
            </Text>
            <Text span size="sm" c="dimmed" className={classes.right ?? ''}>
              {each.receipt === null ? (
                'no receipt yet'
              ) : (
                <>
                  <ReceiptText size={14} aria-hidden className={classes.inline} /> receipt {each.receipt}
                </>
              )}
            </Text>
          </li>
        ))}
      </ul>
    )}
  </section>
)

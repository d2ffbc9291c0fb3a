import { Badge, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { ChevronRight, Lock } from 'lucide-react'
import { lazy, Suspense } from 'react'
import { ask } from '#screens/api'
import { TestMark } from '#screens/mode'
import { Money } from '#screens/money'
import { Answered, Empty } from '#screens/states'
import { SchemeToggle } from '#screens/theme'
import { Link } from './address.tsx'
import type { PhoneInList } from './answers.ts'
import classes from './phone.module.css'

const NewPhone = lazy(() => import('./new-phone.tsx').then(({ NewPhone }) => ({ default: NewPhone })))

/** A card number as it is printed: in groups of four, the rest of a 19-digit one at the end. */
export const grouped = (card: string): string => card.replace(/(\d{4})(?=\d)/g, '$1 ')

export const PhonesPage = () => {
  const query = useQuery({
    queryKey: ['phones'],
    queryFn: ({ signal }) => ask<readonly PhoneInList[]>('/api/phones', {}, signal),
  })
  return (
    <main className={classes.frame}>
      <div className={classes.head}>
        <Title order={1} size="h3">
          Choose a phone
        </Title>
        <SchemeToggle />
      </div>
      <Answered query={query} lines={3}>
        {phones =>
          phones.length === 0 ? (
            <Empty title="No phone here yet">
              A phone appears when the authority has issued a license to it: ask the back office for a code, and add one
              below.
            </Empty>
          ) : (
            <ul className={classes.phones}>
              {phones.map(phone => (
                <li key={phone.id}>
                  <Link
                    to={`/phones/${encodeURIComponent(phone.id)}`}
                    className={classes.phone}
                    testId={`phone-${phone.id}`}
                  >
                    <span className={classes.phoneWords}>
                      <b>{phone.account}</b>
                      <Text span size="sm" c="dimmed" className={classes.digits ?? ''}>
                        {grouped(phone.card)}
                      </Text>
                      <span>
                        <Money amount={phone.allowanceLeft} currency={phone.currency} /> left to use offline
                      </span>
                      <TestMark mode={phone.mode} says="A license of a test centre: no real money moves with it" />
                      {phone.locked && (
                        <Badge variant="light" color="orange" leftSection={<Lock size={12} aria-hidden />}>
                          Locked
                        </Badge>
                      )}
                    </span>
                    <ChevronRight size={20} aria-hidden />
                  </Link>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
      <Suspense>
        <NewPhone />
      </Suspense>
    </main>
  )
}

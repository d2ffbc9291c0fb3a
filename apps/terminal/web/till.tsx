import { Alert, Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { CircleAlert, CalendarOff } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { ask } from '#screens/api'
import { useLive } from '#screens/live'
import { Announcement, Answered } from '#screens/states'
import type { Sale, Till } from './answers.ts'
import { Bar } from './bar.tsx'
import { Keypad } from './keypad.tsx'
import { Recent } from './recent.tsx'
import { SaleState } from './sale.tsx'
import classes from './till.module.css'
import { adviceFor, headingOf } from './words.ts'

// The day's report is looked at twice a day: it does not make the first look at the till wait.
const Day = lazy(() => import('./day.tsx').then(({ Day }) => ({ default: Day })))

const finished = (sale: Sale) => sale.state === 'approved' || sale.state === 'declined' || sale.state === 'cancelled'

const put = 'tallystick.sale-put-away'

const spoken = (sale: Sale | null): string => {
  if (!sale) return ''
  if (sale.state === 'declined') return `${headingOf(sale)}. ${adviceFor(sale.reason).say}`
  if (sale.state === 'approved') return `${headingOf(sale)}. ${sale.amount} ${sale.currency}`
  return headingOf(sale)
}

export const TillPage = () => {
  const live = useLive()
  const query = useQuery({ queryKey: ['till'], queryFn: ({ signal }) => ask<Till>('/api/till', {}, signal) })
  const [dayShown, setDayShown] = useState(false)
  // The server keeps the last sale on its screen. Which result the cashier has put away is this screen's own matter.
  const [putAway, setPutAway] = useState(() => sessionStorage.getItem(put))
  const last = query.data?.sale ?? null
  const sale = last && !(finished(last) && last.sale === putAway) ? last : null

  const newSale = (of: Sale) => {
    sessionStorage.setItem(put, of.sale)
    setPutAway(of.sale)
  }

  return (
    <>
      <Announcement words={spoken(sale)} />
      {query.data && <Bar till={query.data} live={live && !query.error} showDay={() => setDayShown(true)} />}
      <main className={classes.frame}>
        <Answered query={query} lines={8}>
          {till =>
            sale ? (
              <>
                <SaleState sale={sale} newSale={() => newSale(sale)} />
                <section className={classes.panel} aria-label="Recent transactions">
                  <Recent till={till} />
                </section>
              </>
            ) : (
              <div className={classes.columns}>
                <section className={classes.panel} aria-label="Amount">
                  <Hindrance till={till} openDay={() => setDayShown(true)} />
                  <Keypad till={till} paused={dayShown} />
                </section>
                <section className={classes.panel} aria-label="Recent transactions">
                  <Recent till={till} />
                </section>
              </div>
            )
          }
        </Answered>
      </main>
      {query.data && dayShown && (
        <Suspense>
          <Day till={query.data} close={() => setDayShown(false)} />
        </Suspense>
      )}
    </>
  )
}

/** What stands between the cashier and the next sale, if anything. */
const Hindrance = ({ till, openDay }: { readonly till: Till; readonly openDay: () => void }) => {
  if (till.reader.state === 'fault')
    return (
      <Alert
        color="red"
        variant="outline"
        mb="sm"
        title="The reader does not work"
        icon={<CircleAlert size={20} aria-hidden />}
        data-testid="reader-fault"
      >
        <Text size="sm">{till.reader.message ?? `The ${till.reader.kind} reader gave no reason.`}</Text>
        <Text size="sm" mt={4}>
          Phones cannot pay at this till until it works again. It is tried again by itself.
        </Text>
      </Alert>
    )
  if (till.day?.state !== 'open')
    return (
      <Alert
        color="orange"
        variant="outline"
        mb="sm"
        title="The day is not open"
        icon={<CalendarOff size={20} aria-hidden />}
        data-testid="day-not-open"
      >
        <Text size="sm">Open the day before the first sale.</Text>
        <Button size="sm" mt="xs" onClick={openDay} data-testid="day-not-open-open">
          Open the day
        </Button>
      </Alert>
    )
  return null
}

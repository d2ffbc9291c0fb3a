import { Alert, Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { CalendarOff, CircleAlert, UserRound } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { lengthOf } from '#screens/age'
import { ask } from '#screens/api'
import { useLive } from '#screens/live'
import { Announcement, Answered } from '#screens/states'
import type { Sale, Till } from './answers.ts'
import { Bar } from './bar.tsx'
import { Keypad } from './keypad.tsx'
import { Recent } from './recent.tsx'
import { headingOf, type Said, Spoken, saidIn, useSaid } from './said.ts'
import { SaleState } from './sale.tsx'
import classes from './till.module.css'
import { Torn } from './torn.tsx'

// The day's report is looked at twice a day: it does not make the first look at the till wait.
const People = lazy(() => import('./people.tsx').then(({ People }) => ({ default: People })))
const Day = lazy(() => import('./day.tsx').then(({ Day }) => ({ default: Day })))

const aside = 'tallystick.put-aside'

/** A sale as it was when it was put aside: once it becomes something else, it is shown again. */
const standing = (sale: Sale) => `${sale.sale} ${sale.state}`

const spoken = (sale: Sale | null, said: Said): string => {
  if (!sale) return ''
  if (sale.state === 'declined') return `${headingOf(sale, said)}. ${sale.say ?? ''}`
  if (sale.state === 'approved') return `${headingOf(sale, said)}. ${sale.amount} ${sale.currency}`
  return headingOf(sale, said)
}

export const TillPage = () => {
  const live = useLive()
  const query = useQuery({ queryKey: ['till'], queryFn: ({ signal }) => ask<Till>('/api/till', {}, signal) })
  const [dayShown, setDayShown] = useState(false)
  const [peopleShown, setPeopleShown] = useState(false)
  const language = query.data?.language ?? 'en'
  const said = saidIn(language)
  // The server keeps the last sale on its screen. Which one the cashier has put aside is this screen's own matter.
  const [putAside, setPutAside] = useState(() => sessionStorage.getItem(aside))
  const last = query.data?.sale ?? null
  const sale = last && standing(last) !== putAside ? last : null

  const setAside = (of: Sale | null) => {
    sessionStorage.setItem(aside, of ? standing(of) : '')
    setPutAside(of ? standing(of) : null)
  }

  return (
    <Spoken value={language}>
      <Announcement words={spoken(sale, said)} />
      {query.data && (
        <Bar
          till={query.data}
          live={live && !query.error}
          showDay={() => setDayShown(true)}
          showPeople={() => setPeopleShown(true)}
        />
      )}
      <main className={classes.frame}>
        <Answered query={query} lines={8}>
          {till =>
            sale ? (
              <>
                <SaleState sale={sale} putAway={() => setAside(sale)} />
                <section className={classes.panel} aria-label={said('recent')}>
                  <Recent till={till} />
                </section>
              </>
            ) : (
              <div className={classes.columns}>
                <section className={classes.panel} aria-label="Amount">
                  <CertificateEnds till={till} />
                  <ClockOff till={till} />
                  <Hindrance till={till} openDay={() => setDayShown(true)} signOn={() => setPeopleShown(true)} />
                  <Torn sales={till.torn} takeUp={() => setAside(null)} />
                  <Keypad till={till} paused={dayShown || peopleShown} />
                </section>
                <section className={classes.panel} aria-label={said('recent')}>
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
      {query.data && peopleShown && (
        <Suspense>
          <People till={query.data} close={() => setPeopleShown(false)} />
        </Suspense>
      )}
    </Spoken>
  )
}

/** No phone pays to a till whose certificate has run out; it is renewed by itself, where there is a network. */
const CertificateEnds = ({ till }: { readonly till: Till }) => {
  const said = useSaid()
  const { warning, daysLeft } = till.certificate
  if (till.outOfService || warning === null) return null
  return (
    <Alert
      color={warning === 1 ? 'red' : 'orange'}
      variant="outline"
      mb="sm"
      title={daysLeft === 1 ? said('oneDayLeft') : `${said('daysLeft')} ${daysLeft}`}
      icon={<CircleAlert size={20} aria-hidden />}
      data-testid="certificate-ends"
    >
      <Text size="sm">{said('daysLeftHint')}</Text>
    </Alert>
  )
}

const skewShown_ms = 60_000

/** Phones look at the time before they pay, and every record bears it. */
const ClockOff = ({ till }: { readonly till: Till }) => {
  const said = useSaid()
  const { skew_ms } = till
  if (skew_ms === null || Math.abs(skew_ms) <= skewShown_ms) return null
  return (
    <Alert
      color="orange"
      variant="outline"
      mb="sm"
      title={`${said(skew_ms > 0 ? 'clockAhead' : 'clockBehind')} ${lengthOf(Math.abs(skew_ms))}`}
      icon={<CircleAlert size={20} aria-hidden />}
      data-testid="clock-off"
    >
      <Text size="sm">{said('clockHint')}</Text>
    </Alert>
  )
}

/** What stands between the cashier and the next sale, if anything. */
const Hindrance = (props: { readonly till: Till; readonly openDay: () => void; readonly signOn: () => void }) => {
  const { till, openDay, signOn } = props
  const said = useSaid()
  if (till.outOfService) {
    const { say, next } = till.outOfService
    return (
      <Alert
        color="red"
        variant="outline"
        mb="sm"
        title={say}
        icon={<CircleAlert size={20} aria-hidden />}
        data-testid="out-of-service"
        data-reason={till.outOfService.reason}
      >
        <Text size="sm">{next}</Text>
        <Text size="sm" mt={4}>
          {till.outOfService.message}
        </Text>
      </Alert>
    )
  }
  if (till.reader.state === 'fault')
    return (
      <Alert
        color="red"
        variant="outline"
        mb="sm"
        title={said('readerFault')}
        icon={<CircleAlert size={20} aria-hidden />}
        data-testid="reader-fault"
      >
        <Text size="sm">{till.reader.message ?? said('readerSilent')}</Text>
        <Text size="sm" mt={4}>
          {said('readerFaultHint')}
        </Text>
      </Alert>
    )
  if (till.day?.state !== 'open')
    return <Asked what="dayNotOpen" hint="dayNotOpenHint" act="openDay" icon={CalendarOff} onClick={openDay} />
  if (till.people.staff.length > 0 && !till.people.cashier)
    return <Asked what="nobodyOn" hint="nobodyHint" act="signOn" icon={UserRound} onClick={signOn} />
  return null
}

const testIds = {
  dayNotOpen: ['day-not-open', 'day-not-open-open'],
  nobodyOn: ['nobody-on', 'nobody-on-sign-on'],
} as const

/** What the cashier does before the next sale, with the button that does it. */
const Asked = (props: {
  readonly what: keyof typeof testIds
  readonly hint: 'dayNotOpenHint' | 'nobodyHint'
  readonly act: 'openDay' | 'signOn'
  readonly icon: typeof UserRound
  readonly onClick: () => void
}) => {
  const { what, hint, act, icon: Icon, onClick } = props
  const said = useSaid()
  const [shown, button] = testIds[what]
  return (
    <Alert
      color="orange"
      variant="outline"
      mb="sm"
      title={said(what)}
      icon={<Icon size={20} aria-hidden />}
      data-testid={shown}
    >
      <Text size="sm">{said(hint)}</Text>
      <Button size="sm" mt="xs" onClick={onClick} data-testid={button}>
        {said(act)}
      </Button>
    </Alert>
  )
}

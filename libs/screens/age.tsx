import { Text } from '@mantine/core'
import { useEffect, useState } from 'react'
import classes from './screens.module.css'

/** The page's clock, moving once a second while it is looked at. */
export const useNow = (): number => {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}

/** A length of time in the largest unit that still tells something: "3 s", "12 min", "5 h", "4 days". */
export const lengthOf = (span_ms: number): string => {
  const seconds = Math.max(0, Math.floor(span_ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h`
  return `${Math.floor(hours / 24)} days`
}

/** "3 min ago" for an instant, with the instant itself as its title. */
export const Ago = ({ instant }: { readonly instant: string }) => {
  const now = useNow()
  return (
    <time dateTime={instant} title={instant} className={classes.money}>
      {lengthOf(now - Date.parse(instant))} ago
    </time>
  )
}

const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
const dayOfYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const minute = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

/** An instant in the reader's own zone; the title says it in UTC as it is stored. */
export const Instant = ({ instant }: { readonly instant: string }) => (
  <time dateTime={instant} title={instant} className={classes.money}>
    {minute.format(new Date(instant))}
  </time>
)

/** The day of an instant, with its year, in the reader's own zone: for what is valid for years. */
export const Day = ({ instant }: { readonly instant: string }) => (
  <time dateTime={instant} title={instant} className={classes.money}>
    {day.format(new Date(instant))}
  </time>
)

/** A business date ("2026-11-23") belongs to the shop and has no zone: it is never moved by the reader's. */
export const BusinessDate = ({ date, short }: { readonly date: string; readonly short?: boolean }) => {
  const [year = 0, month = 1, dayOfMonth = 1] = date.split('-').map(Number)
  return (
    <time dateTime={date} className={classes.money}>
      {(short ? dayOfYear : day).format(new Date(year, month - 1, dayOfMonth))}
    </time>
  )
}

export interface Aged {
  readonly index: number
  readonly age_ms: number
}

/** How old the figures beside it are: "as of index 812, 3 s ago". `fetchedAt` is when the answer came. */
export const AsOf = ({ answer, fetchedAt }: { readonly answer: Aged; readonly fetchedAt: number }) => {
  const now = useNow()
  const age_ms = answer.age_ms + Math.max(0, now - fetchedAt)
  return (
    <Text component="p" size="sm" c="dimmed" m={0} data-testid="as-of" className={classes.money}>
      as of index {answer.index}, {lengthOf(age_ms)} ago
    </Text>
  )
}

/** The age of an answer that names no index: when this page asked for it. */
export const Asked = ({ fetchedAt }: { readonly fetchedAt: number }) => {
  const now = useNow()
  return (
    <Text component="p" size="sm" c="dimmed" m={0} data-testid="as-of" className={classes.money}>
      asked {lengthOf(now - fetchedAt)} ago
    </Text>
  )
}

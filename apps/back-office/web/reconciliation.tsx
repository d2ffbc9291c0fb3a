import { Badge, Group, Switch, Text, Title } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { CircleCheck, CircleX, Clock } from 'lucide-react'
import { BusinessDate } from '#screens/age'
import { Money, writtenAmount } from '#screens/money'
import { Answered, Empty } from '#screens/states'
import { type Aged, type Day, type Line, type Totals, useAnswer } from './answers.ts'
import { Page } from './frame.tsx'
import classes from './office.module.css'

/** What each till counted on a day, beside what the centre holds of it. */
export const ReconciliationPage = () => {
  const { only } = useSearch({ from: '/reconciliation' })
  const navigate = useNavigate()
  const query = useAnswer<Aged & { readonly days: readonly Day[] }>('/api/reconciliation')
  return (
    <Page
      title="Reconciliation"
      answer={query.data}
      fetchedAt={query.dataUpdatedAt}
      actions={
        <Switch
          label="Only days that differ"
          checked={only === 'differing'}
          onChange={event =>
            void navigate({
              to: '/reconciliation',
              search: { only: event.currentTarget.checked ? 'differing' : undefined },
            })
          }
          data-testid="only-differing"
        />
      }
    >
      <Answered query={query} lines={8}>
        {({ days }) => {
          const shown = only === 'differing' ? days.filter(each => each.differences.length > 0) : days
          if (shown.length === 0)
            return (
              <Empty title={days.length === 0 ? 'No business day yet' : 'No day differs'}>
                {days.length === 0
                  ? 'A day stands here when a terminal has opened one and synced.'
                  : 'Every day that the centre knows agrees with its till.'}
              </Empty>
            )
          return (
            <div className={classes.days}>
              {shown.map(each => (
                <DayCard key={`${each.terminal}-${each.businessDate}`} day={each} />
              ))}
            </div>
          )
        }}
      </Answered>
    </Page>
  )
}

const Standing = ({ day }: { readonly day: Day }) => {
  if (day.differences.length > 0)
    return (
      <Badge variant="light" color="red" leftSection={<CircleX size={14} aria-hidden />}>
        {day.differences.length === 1 ? '1 difference' : `${day.differences.length} differences`}
      </Badge>
    )
  if (day.complete)
    return (
      <Badge variant="light" color="green" leftSection={<CircleCheck size={14} aria-hidden />}>
        Complete
      </Badge>
    )
  return (
    <Badge variant="light" color="orange" leftSection={<Clock size={14} aria-hidden />}>
      {day.closed ? 'Not complete' : 'Still open'}
    </Badge>
  )
}

const DayCard = ({ day }: { readonly day: Day }) => (
  <section
    className={classes.panel}
    aria-label={`${day.terminal}, ${day.businessDate}`}
    data-testid={`day-${day.terminal}-${day.businessDate}`}
    data-differences={day.differences.length}
  >
    <Group justify="space-between" mb="xs">
      <div>
        <Title order={2} size="h5">
          {day.terminal}, <BusinessDate date={day.businessDate} />
        </Title>
        <Text size="sm" c="dimmed">
          {day.shop}
        </Text>
      </div>
      <Standing day={day} />
    </Group>
    <Sheet day={day} />
    {day.differences.length > 0 && (
      <ul className={classes.differences}>
        {day.differences.map(each => (
          <li
            key={`${each.kind}-${each.message}`}
            className={classes.difference}
            data-testid={`difference-${each.kind}`}
          >
            <Group justify="space-between" gap="xs" className={classes.over ?? ''}>
              <b>{each.kind}</b>
              <b>
                <Money amount={each.amount} currency={each.currency} />
              </b>
            </Group>
            <Text size="sm">{each.message}</Text>
            {each.events.length > 0 && (
              <Text size="xs" c="dimmed" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
                {each.events.join(' ')}
              </Text>
            )}
          </li>
        ))}
      </ul>
    )}
  </section>
)

const lines: readonly (readonly [keyof Totals, string])[] = [
  ['sales', 'Sales'],
  ['voids', 'Voids'],
  ['refunds', 'Refunds'],
  ['declined', 'Declined'],
  ['torn', 'Torn'],
]

const said = (line: Line) => (typeof line === 'number' ? String(line) : `${line.count} / ${writtenAmount(line.sum)}`)

const Sheet = ({ day }: { readonly day: Day }) => (
  <table className={classes.sheet}>
    <thead>
      <tr>
        <th scope="col">Count / sum</th>
        <th scope="col">Till</th>
        <th scope="col">Centre</th>
      </tr>
    </thead>
    <tbody>
      {lines.map(([name, title], place) => {
        const till = day.till && said(day.till[name])
        const centre = said(day.centre[name])
        const differs = till !== null && till !== centre
        return (
          <tr key={name} className={differs ? classes.differs : ''}>
            <th scope="row">
              {title}
              {differs ? ' differ' : ''}
            </th>
            {till !== null && <td>{till}</td>}
            {till === null && place === 0 && (
              <td rowSpan={lines.length} className={classes.notYet}>
                not closed yet
              </td>
            )}
            <td>{centre}</td>
          </tr>
        )
      })}
    </tbody>
  </table>
)

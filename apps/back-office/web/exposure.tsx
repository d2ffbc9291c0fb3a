import { Text, Title } from '@mantine/core'
import { type Column, List } from '#screens/list'
import { Money, Monies } from '#screens/money'
import { Answered, Empty } from '#screens/states'
import { type Aged, useAnswer } from './answers.ts'
import { Page } from './frame.tsx'
import classes from './office.module.css'

interface Outstanding {
  readonly of: string
  readonly currency: string
  readonly amount: string
  readonly licenses: number
}
interface Exposure extends Aged {
  readonly total: readonly Outstanding[]
  readonly byMonth: readonly Outstanding[]
  readonly byShop: readonly Outstanding[]
}

const columns = (title: string, none: string): readonly Column<Outstanding>[] => [
  { name: 'of', title, wraps: true, cell: each => <b>{each.of === '' ? none : each.of}</b> },
  { name: 'licenses', title: 'Phones', figure: true, cell: each => each.licenses },
  {
    name: 'amount',
    title: 'Can still be spent',
    figure: true,
    cell: each => <Money amount={each.amount} currency={each.currency} />,
  },
]
const months = columns('Promised in', 'not known')
const shops = columns('Paid last at', 'nowhere yet')
const keyOf = (each: Outstanding) => `${each.of}-${each.currency}`

/** What phones may still spend while nobody can ask us: the most that can be lost before terminals hear of anything. */
export const ExposurePage = () => {
  const query = useAnswer<Exposure>('/api/exposure')
  return (
    <Page title="Exposure" answer={query.data} fetchedAt={query.dataUpdatedAt}>
      <Text maw={640}>
        What was promised to phones and is not spent, and so can be spent offline. Of one that was lost, its account’s
        page says which terminals refuse it already, and what can be spent at the others.
      </Text>
      <Answered query={query}>
        {({ total, byMonth, byShop }) =>
          total.length === 0 ? (
            <Empty title="Nothing is promised to any phone">
              It stands here from when a phone uses its code until it is spent or its term is over.
            </Empty>
          ) : (
            <>
              <div className={classes.figures}>
                <div className={classes.figure}>
                  <span>Can still be spent offline</span>
                  <b>
                    <Monies amounts={total} testId="exposure-total" />
                  </b>
                </div>
                <div className={classes.figure}>
                  <span>By phones</span>
                  <b>{total.reduce((count, { licenses }) => count + licenses, 0)}</b>
                </div>
              </div>
              <Title order={2} size="h4" mt="sm">
                By shop
              </Title>
              <List label="By shop" rows={byShop} keyOf={keyOf} columns={shops} />
              <Title order={2} size="h4" mt="sm">
                By month
              </Title>
              <List label="By month" rows={byMonth} keyOf={keyOf} columns={months} />
            </>
          )
        }
      </Answered>
    </Page>
  )
}

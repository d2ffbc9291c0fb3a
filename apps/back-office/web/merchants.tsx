import { Anchor, Button, Text, Title } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { type Column, List } from '#screens/list'
import { Money } from '#screens/money'
import { Answered, Empty } from '#screens/states'
import { type Aged, type Merchant, useAnswer } from './answers.ts'
import { ExplainedPostings } from './explained.tsx'
import { Page } from './frame.tsx'
import { MerchantOrders, OpenMerchant } from './merchant-orders.tsx'
import classes from './office.module.css'
import { Allowed } from './session.tsx'

type Answer = Aged & { readonly merchants: readonly Merchant[] }

const percent = (basisPoints: number): string => `${(basisPoints / 100).toFixed(2)} %`
const inWords = ({ terms }: Merchant): string =>
  terms === null
    ? 'none yet'
    : `${percent(terms.feeBasisPoints)} and ${percent(terms.taxBasisPoints)} tax on it${terms.returnsFee ? ', returned with what is given back' : ''} (version ${terms.version})`

const columns: readonly Column<Merchant>[] = [
  {
    name: 'merchant',
    title: 'Merchant',
    cell: each => (
      <Anchor component={Link} to={`/merchants/${encodeURIComponent(each.merchant)}`} size="sm" fw={600}>
        {each.merchant}
      </Anchor>
    ),
  },
  { name: 'name', title: 'Name', wraps: true, cell: each => each.name },
  {
    name: 'payable',
    title: 'We owe',
    figure: true,
    cell: each => <Money amount={each.payable} currency={each.currency} />,
  },
  { name: 'terms', title: 'Fee', wraps: true, cell: inWords },
]

export const MerchantsPage = () => {
  const query = useAnswer<Answer>('/api/merchants')
  const [opening, setOpening] = useState(false)
  return (
    <Page
      title="Merchants"
      answer={query.data}
      fetchedAt={query.dataUpdatedAt}
      actions={
        <Allowed to="clerk">
          <Button
            leftSection={<Plus size={18} aria-hidden />}
            onClick={() => setOpening(true)}
            data-testid="merchant-open"
          >
            Open a merchant
          </Button>
        </Allowed>
      }
    >
      <Answered query={query}>
        {({ merchants }) =>
          merchants.length === 0 ? (
            <Empty title="There is no merchant">One is opened with its terms before its first shop.</Empty>
          ) : (
            <List label="Merchants" rows={merchants} keyOf={each => each.merchant} columns={columns} />
          )
        }
      </Answered>
      {opening && <OpenMerchant close={() => setOpening(false)} />}
    </Page>
  )
}

export const MerchantPage = () => {
  const { merchant } = useParams({ from: '/merchants/$merchant' })
  const query = useAnswer<Answer>('/api/merchants')
  const path = `/api/merchants/${encodeURIComponent(merchant)}/explain`
  return (
    <Page title={merchant} answer={query.data} fetchedAt={query.dataUpdatedAt}>
      <Anchor component={Link} to="/merchants" size="sm">
        All merchants
      </Anchor>
      <Answered query={query} lines={3}>
        {({ merchants }) => {
          const found = merchants.find(each => each.merchant === merchant)
          if (!found) return <Empty title="No such merchant">Choose one from the list of all.</Empty>
          const owes = found.payable.startsWith('-')
          return (
            <>
              <section className={classes.panel} aria-label="Facts">
                <dl className={classes.facts}>
                  <dt>Name</dt>
                  <dd>{found.name}</dd>
                  <dt>{owes ? 'It owes us' : 'We owe'}</dt>
                  <dd>
                    <b>
                      <Money amount={owes ? found.payable.slice(1) : found.payable} currency={found.currency} />
                    </b>
                  </dd>
                  <dt>Fee</dt>
                  <dd>{inWords(found)}</dd>
                </dl>
                {owes && (
                  <Text size="sm" mt="sm">
                    Refunds or fees took it below zero. Its next sales make that good; what they do not is told after
                    the days of its terms.
                  </Text>
                )}
              </section>
              <MerchantOrders key={found.merchant} of={found} />
            </>
          )
        }}
      </Answered>
      <Title order={2} size="h4" mt="sm">
        Postings
      </Title>
      <ExplainedPostings path={path} />
    </Page>
  )
}

import { Alert, Button, Checkbox, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { ShieldAlert, ShieldCheck } from 'lucide-react'
import { useState } from 'react'
import { Instant } from '#screens/age'
import { ask, order } from '#screens/api'
import { type Column, List } from '#screens/list'
import { Money } from '#screens/money'
import { Answered, Empty } from '#screens/states'
import { type Aged, type Sum, useAnswer } from './answers.ts'
import classes from './office.module.css'
import { OrderForm } from './order-form.tsx'
import { Allowed } from './session.tsx'

interface Hold {
  readonly license: string
  readonly currency: string
  readonly state: 'granted' | 'issued' | 'revoked' | 'expired'
  readonly granted: string
  readonly left: string
  readonly expires: string | null
  readonly lastPaid: string | null
}

interface Whereabouts {
  readonly lost: readonly Hold[]
  readonly denyList: number
  readonly missing: number
  readonly adopted: number
  readonly exposed: readonly Sum[]
  readonly terminals: readonly {
    readonly terminal: string
    readonly shop: string
    readonly denyList: number
    readonly lastSeen: string | null
    readonly hasAdopted: boolean
  }[]
}

/** While a list is on its way, it is looked at again so often. */
const watch_ms = 3000

/** The licenses of an account with what each still holds; one that was lost is ended here, and watched. */
export const AccountPhones = ({ account }: { readonly account: string }) => {
  const at = `/api/accounts/${encodeURIComponent(account)}`
  const holds = useAnswer<Aged & { readonly holds: readonly Hold[] }>(`${at}/licenses`)
  const [lost, setLost] = useState<Hold>()
  const columns: readonly Column<Hold>[] = [
    { name: 'license', title: 'License', cell: each => <b title={each.license}>{each.license.slice(0, 8)}</b> },
    { name: 'state', title: 'State', cell: each => each.state },
    {
      name: 'left',
      title: 'Still held',
      figure: true,
      cell: each => <Money amount={each.left} currency={each.currency} />,
    },
    {
      name: 'granted',
      title: 'Granted',
      figure: true,
      cell: each => <Money amount={each.granted} currency={each.currency} />,
    },
    { name: 'expires', title: 'Until', cell: each => each.expires?.slice(0, 10) ?? '' },
    { name: 'lastPaid', title: 'Last paid', cell: each => (each.lastPaid ? <Instant instant={each.lastPaid} /> : '') },
    {
      name: 'lost',
      title: 'Phone lost?',
      cell: each =>
        each.state === 'issued' && (
          <Allowed to="clerk">
            <Button size="xs" variant="default" onClick={() => setLost(each)} data-testid="phone-lost">
              Lost
            </Button>
          </Allowed>
        ),
    },
  ]
  return (
    <section className={classes.panel} aria-label="Phones">
      <Title order={2} size="h4" mb="xs">
        Phones
      </Title>
      <Answered query={holds} lines={1}>
        {({ holds }) =>
          holds.length === 0 ? (
            <Empty title="No phone pays for this account">Let one in by a code: it makes its own key.</Empty>
          ) : (
            <Stack gap="sm">
              <Watch at={at} />
              <List label="Phones" rows={holds} keyOf={each => each.license} columns={columns} />
            </Stack>
          )
        }
      </Answered>
      {lost && <Lose at={at} of={lost} close={() => setLost(undefined)} />}
    </section>
  )
}

const Lose = ({ at, of, close }: { readonly at: string; readonly of: Hold; readonly close: () => void }) => {
  const [suspend, setSuspend] = useState(false)
  return (
    <OrderForm
      name="lost"
      title="A lost phone"
      confirm="End its license"
      failed="Nothing was done"
      grave
      close={close}
      send={({ reason }) => order(`${at}/lost`, { license: of.license, suspend, reason })}
    >
      <Text size="sm">
        Its license ends for good, and terminals refuse it from their next sync on. <b>Until then</b>{' '}
        <Money amount={of.left} currency={of.currency} /> can be spent with it at terminals that are offline.
      </Text>
      <Checkbox
        label="Suspend the account with all of its phones"
        checked={suspend}
        onChange={input => setSuspend(input.currentTarget.checked)}
      />
    </OrderForm>
  )
}

/** Which terminals know the list, live until all do. */
const Watch = ({ at }: { readonly at: string }) => {
  const where = useQuery({
    queryKey: [`${at}/lost`],
    queryFn: ({ signal }) => ask<Whereabouts>(`${at}/lost`, {}, signal),
    refetchInterval: ({ state: { data } }) => (data && data.denyList > 0 && data.missing > 0 ? watch_ms : false),
  })
  return (
    <Answered query={where} lines={1}>
      {({ missing, adopted, exposed, terminals, denyList }) =>
        denyList === 0 ? null : (
          <Alert
            color={missing === 0 ? 'teal' : 'orange'}
            variant="outline"
            icon={missing === 0 ? <ShieldCheck size={20} aria-hidden /> : <ShieldAlert size={20} aria-hidden />}
            title={
              missing === 0
                ? `All ${adopted} terminals refuse it`
                : `${missing} of ${missing + adopted} terminals do not know deny list ${denyList} yet`
            }
            data-testid="lost-watch"
          >
            {exposed.map(each => (
              <Text size="sm" key={each.currency}>
                Exposed there: <Money amount={each.amount} currency={each.currency} />
              </Text>
            ))}
            {terminals
              .filter(({ hasAdopted }) => !hasAdopted)
              .map(each => (
                <Text size="sm" key={each.terminal} style={{ overflowWrap: 'anywhere' }}>
                  {each.terminal} at {each.shop}: has list {each.denyList}, last heard{' '}
                  {each.lastSeen ? <Instant instant={each.lastSeen} /> : 'never'}
                </Text>
              ))}
          </Alert>
        )
      }
    </Answered>
  )
}

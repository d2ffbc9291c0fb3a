import { Button, Group, NativeSelect, Text } from '@mantine/core'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { order } from '#screens/api'
import { type Column, List } from '#screens/list'
import { Answered, Empty } from '#screens/states'
import { type Aged, type Shop, type Terminal, useAnswer } from './answers.ts'
import { Page } from './frame.tsx'
import { Line, OrderForm } from './order-form.tsx'
import { Allowed, useMay } from './session.tsx'

type Merchant = { readonly merchant: string; readonly name: string }

/** A merchant's shops: each has a zone of its own, and the terminals that stand there. */
export const ShopsPage = () => {
  const query = useAnswer<Aged & { readonly shops: readonly Shop[] }>('/api/shops')
  const terminals = useAnswer<Aged & { readonly terminals: readonly Terminal[] }>('/api/terminals')
  const merchants = useAnswer<Aged & { readonly merchants: readonly Merchant[] }>('/api/merchants')
  const [asked, setAsked] = useState<Asked>()
  const isClerk = useMay('clerk')
  const here = (shop: string) =>
    (terminals.data?.terminals ?? []).filter(
      each => each.shop === shop && (each.state === 'enrolled' || each.state === 'suspended'),
    )
  const columns: readonly Column<Shop>[] = [
    { name: 'name', title: 'Shop', wraps: true, cell: each => <b>{each.name}</b> },
    { name: 'shop', title: 'Id', cell: each => each.shop },
    { name: 'merchant', title: 'Merchant', wraps: true, cell: each => each.merchant },
    { name: 'zone', title: 'Zone', cell: each => each.zone },
    {
      name: 'terminals',
      title: 'Terminals',
      wraps: true,
      cell: each =>
        here(each.shop)
          .map(({ label, terminal }) => label ?? terminal)
          .join(', ') || 'none',
    },
    ...(isClerk
      ? [
          {
            name: 'orders',
            title: 'Change',
            cell: (each: Shop) => (
              <Group gap="xs" wrap="nowrap">
                <Button
                  size="xs"
                  variant="default"
                  aria-label={`Name of ${each.name}`}
                  onClick={() => setAsked({ what: 'name', shop: each })}
                  data-testid={`shop-name-${each.shop}`}
                >
                  Name
                </Button>
                <Button
                  size="xs"
                  variant="default"
                  aria-label={`Zone of ${each.name}`}
                  onClick={() => setAsked({ what: 'zone', shop: each })}
                  data-testid={`shop-zone-${each.shop}`}
                >
                  Zone
                </Button>
              </Group>
            ),
          },
        ]
      : []),
  ]
  return (
    <Page
      title="Shops"
      answer={query.data}
      fetchedAt={query.dataUpdatedAt}
      actions={
        <Allowed to="clerk">
          <Button
            leftSection={<Plus size={18} aria-hidden />}
            onClick={() => setAsked({ what: 'open' })}
            data-testid="shop-open"
          >
            Open a shop
          </Button>
        </Allowed>
      }
    >
      <Answered query={query}>
        {({ shops }) =>
          shops.length === 0 ? (
            <Empty title="No shop yet">
              Open one for a merchant, in the zone in which its days turn; then invite terminals for it.
            </Empty>
          ) : (
            <List label="Shops" rows={shops} keyOf={each => each.shop} columns={columns} />
          )
        }
      </Answered>
      {asked && <Ask asked={asked} merchants={merchants.data?.merchants ?? []} close={() => setAsked(undefined)} />}
    </Page>
  )
}

type Asked = { readonly what: 'open' } | { readonly what: 'name' | 'zone'; readonly shop: Shop }

const titles = { open: 'Open a shop', name: 'Rename the shop', zone: 'Set the shop’s zone' } as const

const Ask = (props: { readonly asked: Asked; readonly merchants: readonly Merchant[]; readonly close: () => void }) => {
  const { asked, merchants, close } = props
  const held = 'shop' in asked ? asked.shop : undefined
  const [merchant, setMerchant] = useState(merchants[0]?.merchant ?? '')
  const [shop, setShop] = useState('')
  const [name, setName] = useState(held?.name ?? '')
  const [zone, setZone] = useState(held?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone)
  const send = () => {
    if (asked.what === 'open') {
      const id = shop.trim() === '' ? {} : { shop: shop.trim() }
      return order('/api/shops', { merchant, name: name.trim(), zone: zone.trim(), ...id })
    }
    const at = `/api/shops/${encodeURIComponent(asked.shop.shop)}/${asked.what}`
    return order(at, asked.what === 'name' ? { name: name.trim() } : { zone: zone.trim() })
  }
  return (
    <OrderForm
      name="shop"
      title={titles[asked.what]}
      confirm={asked.what === 'open' ? 'Open the shop' : 'Save'}
      failed="Nothing was done"
      asksReason={false}
      close={close}
      send={send}
    >
      {asked.what === 'open' && (
        <>
          <NativeSelect
            label="Merchant"
            required
            data={merchants.map(each => ({ value: each.merchant, label: `${each.name} (${each.merchant})` }))}
            value={merchant}
            onChange={input => setMerchant(input.currentTarget.value)}
            data-testid="shop-merchant"
          />
          <Line label="Id" description="Left empty, the centre names it" value={shop} say={setShop} testId="shop-id" />
        </>
      )}
      {asked.what !== 'zone' && (
        <Line label="Name" required maxLength={120} value={name} say={setName} data-autofocus testId="shop-name" />
      )}
      {asked.what !== 'name' && (
        <Line
          label="Time zone"
          placeholder="Europe/Vienna"
          required
          value={zone}
          say={setZone}
          data-autofocus
          testId="shop-zone"
        />
      )}
      {asked.what === 'zone' && (
        <Text size="sm">Its terminals hear of it with their next sync, and turn their next day by it.</Text>
      )}
    </OrderForm>
  )
}

import { Button, Checkbox, Group, NativeSelect, Text, Title } from '@mantine/core'
import { useState } from 'react'
import type { Role } from '#operator/roles'
import { order, wordsOf } from '#screens/api'
import type { Shop, Terminal } from './answers.ts'
import { type Invitation, Invited } from './invite.tsx'
import classes from './office.module.css'
import { Line, OrderForm } from './order-form.tsx'
import { Allowed, useMay } from './session.tsx'

type Order = {
  readonly name: string
  readonly title: string
  /** What it comes to, before anybody says yes. */
  readonly means: string
  /** In which states it can be ordered. */
  readonly when: readonly Terminal['state'][]
  readonly asks: 'label' | 'shop' | 'replacement' | 'evenSo' | 'reason'
  readonly grave?: boolean
  /** Who may order it. */
  readonly to: Role
}

const inService = ['enrolled', 'suspended'] as const
const enrolled = [...inService, 'replaced', 'lost'] as const

const orders: readonly Order[] = [
  {
    name: 'name',
    to: 'clerk',
    title: 'Rename',
    means: 'What people call it; its id stays.',
    when: ['invited', 'cancelled', ...enrolled, 'retired'],
    asks: 'label',
  },
  {
    name: 'move',
    to: 'clerk',
    title: 'Move to another shop',
    means:
      'It hears of it with its next sync, and sells for the new shop from its next day on. A day that is open stays with the shop it was opened in.',
    when: inService,
    asks: 'shop',
  },
  {
    name: 'suspend',
    to: 'clerk',
    title: 'Suspend',
    means: 'It takes no payments from its next sync on. What it has taken is still accepted from it.',
    when: ['enrolled'],
    asks: 'reason',
  },
  {
    name: 'reinstate',
    to: 'approver',
    title: 'Reinstate',
    means: 'It takes payments again from its next sync on.',
    when: ['suspended'],
    asks: 'reason',
  },
  {
    name: 'replace',
    to: 'approver',
    title: 'Replace',
    means: 'Another terminal, with an id and a code of its own, takes its place. Its log stays its own.',
    when: [...inService, 'lost'],
    asks: 'replacement',
  },
  {
    name: 'lost',
    to: 'approver',
    title: 'Declare lost',
    means: 'What phones paid there and it never sent is taken from the phones. It does not come back.',
    when: [...inService, 'replaced', 'retired'],
    asks: 'reason',
    grave: true,
  },
  {
    name: 'retire',
    to: 'approver',
    title: 'Retire',
    means: 'Nothing more of it is taken. Let it send what it has first; this is not taken back.',
    when: enrolled,
    asks: 'evenSo',
    grave: true,
  },
  {
    name: 'cancel',
    to: 'clerk',
    title: 'Cancel the invitation',
    means: 'Its code is worth nothing from now on.',
    when: ['invited'],
    asks: 'reason',
  },
]

export const TerminalOrders = ({ of, shops }: { readonly of: Terminal; readonly shops: readonly Shop[] }) => {
  const [asked, setAsked] = useState<Order>()
  const open = orders.filter(({ when }) => when.includes(of.state))
  if (!useMay('clerk')) return null
  return (
    <section className={classes.panel} aria-label="Orders">
      <Title order={2} size="h4" mb="xs">
        Orders
      </Title>
      <Group gap="xs">
        {open.map(each => (
          <Allowed key={each.name} to={each.to}>
            <Button variant="default" onClick={() => setAsked(each)} data-testid={`terminal-${each.name}`}>
              {each.title}
            </Button>
          </Allowed>
        ))}
      </Group>
      {asked && <Ask order={asked} of={of} shops={shops} close={() => setAsked(undefined)} />}
    </section>
  )
}

const Ask = (props: {
  readonly order: Order
  readonly of: Terminal
  readonly shops: readonly Shop[]
  readonly close: () => void
}) => {
  const { order: asked, of, close } = props
  const others = props.shops.filter(({ shop, merchant }) => merchant === of.merchant && shop !== of.shop)
  const [label, setLabel] = useState(of.label ?? '')
  const [shop, setShop] = useState(others[0]?.shop ?? '')
  const [replacement, setReplacement] = useState('')
  const [evenSo, setEvenSo] = useState(false)
  const asksReason = asked.asks !== 'label'
  const [field, value] = (
    {
      label: ['label', label.trim()],
      shop: ['shop', shop],
      replacement: ['replacement', replacement.trim()],
      evenSo: ['evenSo', evenSo],
      reason: ['', undefined],
    } as const
  )[asked.asks]
  return (
    <OrderForm
      name="order"
      title={`${asked.title}: ${of.label ?? of.terminal}`}
      confirm={asked.title}
      failed="Nothing was done"
      grave={asked.grave ?? false}
      asksReason={asksReason}
      ready={value !== ''}
      close={close}
      send={({ reason }) =>
        order<Partial<Invitation>>(`/api/terminals/${encodeURIComponent(of.terminal)}/${asked.name}`, {
          ...(asksReason ? { reason } : {}),
          ...(field === '' ? {} : { [field]: value }),
        })
      }
      shown={answer => answer.code !== undefined && <Invited invitation={answer as Invitation} close={close} />}
    >
      {refused => (
        <>
          <Text size="sm">{asked.means}</Text>
          {asked.asks === 'label' && (
            <Line
              label="Name"
              required
              maxLength={120}
              value={label}
              say={setLabel}
              data-autofocus
              testId="order-label"
            />
          )}
          {asked.asks === 'shop' &&
            (others.length === 0 ? (
              <Text size="sm" fw={600}>
                {of.merchant} has no other shop: open one first.
              </Text>
            ) : (
              <NativeSelect
                label="Shop"
                data={others.map(each => ({ value: each.shop, label: `${each.name} (${each.shop})` }))}
                value={shop}
                onChange={input => setShop(input.currentTarget.value)}
                data-autofocus
                data-testid="order-shop"
              />
            ))}
          {asked.asks === 'replacement' && (
            <Line
              label="Id of the new terminal"
              required
              value={replacement}
              say={setReplacement}
              data-autofocus
              testId="order-replacement"
            />
          )}
          {asked.asks === 'evenSo' && wordsOf(refused).reason === 'TerminalHasWaiting' && (
            <Checkbox
              label="What waits there may be lost: retire it even so"
              checked={evenSo}
              onChange={input => setEvenSo(input.currentTarget.checked)}
              data-testid="order-even-so"
            />
          )}
        </>
      )}
    </OrderForm>
  )
}

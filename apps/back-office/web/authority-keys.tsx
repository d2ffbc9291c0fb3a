import { Badge, Button, Group, NativeSelect, Text } from '@mantine/core'
import { useState } from 'react'
import { Day } from '#screens/age'
import { order } from '#screens/api'
import { type Column, List } from '#screens/list'
import { Empty } from '#screens/states'
import { Line, OrderForm } from './order-form.tsx'
import { Allowed, useMay } from './session.tsx'

const rotated = ['license', 'certificate', 'rules', 'log'] as const
type Rotated = (typeof rotated)[number]

export type AuthorityKey = {
  readonly kid: string
  readonly purpose: 'root' | Rotated
  readonly status: 'active' | 'retired' | 'compromised'
  readonly notBefore: string
  readonly expires: string
  /** The one that signs now for its purpose. */
  readonly signs: boolean
  /** Its private half lies with this node. */
  readonly isHere: boolean
}

const signed: Record<AuthorityKey['purpose'], string> = {
  root: 'key sets, and nothing else',
  license: 'licenses of phones',
  certificate: 'certificates of terminals',
  rules: 'policies, deny lists, fare tables, assignments',
  log: 'checkpoints of the log',
}
/** As long as whoever verifies may need to learn of it. */
const lead: Record<Rotated, string> = {
  license: 'three days from now',
  certificate: 'thirty days from now',
  rules: 'at once',
  log: 'three days from now',
}
const colours = { active: 'green', retired: 'gray', compromised: 'red' } as const

type Asked =
  | { readonly what: 'rotate' }
  | { readonly what: 'retire' | 'compromise'; readonly key: Pick<AuthorityKey, 'kid' | 'purpose'> }

const titles = { rotate: 'Rotate a key', retire: 'Retire the key', compromise: 'Name the key as compromised' } as const
const means = {
  retire: 'It signs no more, and this is not taken back. What it signed still holds.',
  compromise:
    'What it signed holds no more, and this is not taken back: who verifies refuses it as soon as they have the next key set. If nothing else signs for its purpose, a new key does at once.',
} as const

export const Keys = ({ keys }: { readonly keys: readonly AuthorityKey[] }) => {
  const [asked, setAsked] = useState<Asked>()
  const isAdministrator = useMay('administrator')
  const columns: readonly Column<AuthorityKey>[] = [
    { name: 'kid', title: 'Key', cell: each => <code>{each.kid}</code> },
    {
      name: 'purpose',
      title: 'Purpose',
      wraps: true,
      cell: each => (
        <>
          <b>{each.purpose}</b>
          <Text size="xs">{signed[each.purpose]}</Text>
        </>
      ),
    },
    {
      name: 'status',
      title: 'State',
      cell: each => (
        <Badge variant="light" color={colours[each.status]}>
          {each.signs ? 'signs now' : each.status}
        </Badge>
      ),
    },
    {
      name: 'valid',
      title: 'Valid from, until',
      cell: each => (
        <>
          <Day instant={each.notBefore} />
          <br />
          <Day instant={each.expires} />
        </>
      ),
    },
    { name: 'lies', title: 'Lies', cell: each => (each.isHere ? 'here' : 'elsewhere') },
    ...(isAdministrator
      ? [{ name: 'orders', title: 'Change', cell: (each: AuthorityKey) => <Orders of={each} ask={setAsked} /> }]
      : []),
  ]
  return (
    <>
      <Allowed to="administrator">
        <Group>
          <Button onClick={() => setAsked({ what: 'rotate' })} data-testid="key-rotate">
            Rotate a key
          </Button>
        </Group>
      </Allowed>
      {keys.length === 0 ? (
        <Empty title="No key yet">The first start of a centre makes one for each purpose.</Empty>
      ) : (
        <List label="Keys" rows={keys.toReversed()} keyOf={each => each.kid} columns={columns} />
      )}
      {asked && <Ask asked={asked} close={() => setAsked(undefined)} />}
    </>
  )
}

/** The root stays: who loses it begins anew. */
const Orders = ({ of, ask }: { readonly of: AuthorityKey; readonly ask: (asked: Asked) => void }) =>
  of.purpose === 'root' || of.status === 'compromised' ? null : (
    <Group gap="xs" wrap="nowrap" justify="flex-end">
      {of.status === 'active' && (
        <Button
          size="xs"
          variant="default"
          aria-label={`Retire ${of.kid}`}
          onClick={() => ask({ what: 'retire', key: of })}
          data-testid={`retire-${of.kid}`}
        >
          Retire
        </Button>
      )}
      <Button
        size="xs"
        variant="default"
        aria-label={`Name ${of.kid} as compromised`}
        onClick={() => ask({ what: 'compromise', key: of })}
        data-testid={`compromise-${of.kid}`}
      >
        Compromised
      </Button>
    </Group>
  )

const Ask = ({ asked, close }: { readonly asked: Asked; readonly close: () => void }) => {
  const [purpose, setPurpose] = useState<Rotated>('license')
  const [from, setFrom] = useState('')
  return (
    <OrderForm
      name="key"
      title={titles[asked.what]}
      confirm={titles[asked.what]}
      failed="Nothing was done"
      grave={asked.what !== 'rotate'}
      close={close}
      send={({ reason }) =>
        asked.what === 'rotate'
          ? order('/api/authority/keys', {
              purpose,
              ...(from === '' ? {} : { notBefore: new Date(from).toISOString() }),
              reason,
            })
          : order(`/api/authority/keys/${asked.key.kid}/${asked.what}`, { reason })
      }
    >
      {asked.what === 'rotate' ? (
        <>
          <NativeSelect
            label="Purpose"
            data={rotated.map(value => ({ value, label: `${value}: signs ${signed[value]}` }))}
            value={purpose}
            onChange={event => setPurpose(event.currentTarget.value as Rotated)}
            data-autofocus
            data-testid="key-purpose"
          />
          <Text size="sm">
            A new key is made, and signs {from === '' ? lead[purpose] : 'from then on'}. The one before it goes on until
            then, and what it signed still holds.
          </Text>
          <Line
            type="datetime-local"
            label="Signs from"
            description={`Left empty, ${lead[purpose]}: when whoever verifies has learnt of it. Sooner, some do not know it yet.`}
            value={from}
            say={setFrom}
            testId="key-from"
          />
        </>
      ) : (
        <>
          <Text size="sm" data-testid="key-named">
            <code>{asked.key.kid}</code> signs {signed[asked.key.purpose]}.
          </Text>
          <Text size="sm">{means[asked.what]}</Text>
        </>
      )}
    </OrderForm>
  )
}

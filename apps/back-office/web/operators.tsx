import { Alert, Badge, Button, Group, Modal, NativeSelect, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { mayAct, type Role, roles } from '#operator/roles'
import { Ago, Instant } from '#screens/age'
import { order } from '#screens/api'
import { type Column, List } from '#screens/list'
import { Answered, Empty, Failure } from '#screens/states'
import { type Aged, useAnswer } from './answers.ts'
import { Page } from './frame.tsx'
import classes from './office.module.css'
import { Line, OrderForm, Reason } from './order-form.tsx'
import { Allowed, useMay } from './session.tsx'

type Operator = {
  readonly operator: string
  readonly role: Role
  readonly standing: 'active' | 'suspended'
  readonly reason: string | null
  readonly since: string
  readonly passwordSet: string | null
  readonly approvesNothingUntil: string | null
}
type Made = { readonly operator: string; readonly oneTimePassword: string | null }

const may: Record<Role, string> = {
  viewer: 'reads everything',
  clerk: 'opens, repays, invites, proposes',
  approver: 'decides what another proposed',
  administrator: 'manages operators, keys and policy',
}
const choices = roles.map(role => ({ value: role, label: `${role}: ${may[role]}` }))

/** Said once: whoever closes this has passed it on, or makes another. */
const OneTime = ({
  made: { operator, oneTimePassword },
  close,
}: {
  readonly made: Made
  readonly close: () => void
}) => (
  <Stack data-testid="one-time">
    {oneTimePassword === null ? (
      <Text size="sm">{operator} was there already and has a password. Make a new one if it is lost.</Text>
    ) : (
      <>
        <Alert color="green" variant="outline" title={`${operator} may sign in`}>
          <Text size="sm">
            Give {operator} this password. It is shown only now, opens nothing but the choice of another, and ends every
            session of {operator}.
          </Text>
        </Alert>
        <Text
          ta="center"
          ff="monospace"
          fw={700}
          fz="lg"
          className={classes.code ?? ''}
          data-testid="one-time-password"
        >
          {oneTimePassword}
        </Text>
      </>
    )}
    <Button onClick={close} data-autofocus data-testid="one-time-done">
      Done
    </Button>
  </Stack>
)

const AddOperator = ({ close }: { readonly close: () => void }) => {
  const [operator, setOperator] = useState('')
  const [role, setRole] = useState<Role>('clerk')
  return (
    <OrderForm
      name="operator"
      title="Add an operator"
      confirm="Add the operator"
      failed="Nobody was added"
      asksReason={false}
      close={close}
      send={() => order<Made>('/api/operators', { operator: operator.trim(), role })}
      shown={made => <OneTime made={made} close={close} />}
    >
      <Line
        label="Operator"
        description="Lower-case letters, digits, points, dashes: everything they do bears this name"
        required
        autoCapitalize="none"
        spellCheck={false}
        maxLength={32}
        value={operator}
        say={setOperator}
        data-autofocus
        testId="operator-name"
      />
      <NativeSelect
        label="Role"
        data={choices}
        value={role}
        onChange={event => setRole(event.currentTarget.value as Role)}
        data-testid="operator-role"
      />
    </OrderForm>
  )
}

/** What an administrator may do about one operator. */
const ChangeOperator = ({
  of: { operator, role, standing },
  close,
}: {
  readonly of: Operator
  readonly close: () => void
}) => {
  const client = useQueryClient()
  const [next, setNext] = useState<Role>(role)
  const [reason, setReason] = useState('')
  const at = `/api/operators/${encodeURIComponent(operator)}`
  const change = useMutation({
    mutationFn: ({ word, body }: { readonly word: string; readonly body: object }) =>
      order<Partial<Made>>(`${at}/${word}`, body),
    onSuccess: async (_, { word }) => {
      if (word !== 'password') close()
      await client.invalidateQueries()
    },
  })
  const isGoing = (word: string) => change.isPending && change.variables.word === word
  const suspended = standing === 'suspended'
  const made = change.data?.oneTimePassword
  return (
    <Modal opened onClose={close} centered title={operator} closeButtonProps={{ 'aria-label': 'Close' }}>
      {made === undefined ? (
        <Stack>
          <Group align="flex-end" gap="sm" wrap="nowrap">
            <NativeSelect
              label="Role"
              data={choices}
              value={next}
              onChange={event => setNext(event.currentTarget.value as Role)}
              style={{ flex: 1 }}
              data-autofocus
              data-testid="operator-new-role"
            />
            <Button
              variant="default"
              disabled={next === role}
              loading={isGoing('role')}
              onClick={() => change.mutate({ word: 'role', body: { role: next } })}
              data-testid="operator-set-role"
            >
              Set
            </Button>
          </Group>
          <Reason value={reason} say={setReason} testId="operator-reason" />
          <Group gap="sm">
            <Button
              variant="default"
              disabled={reason.trim() === ''}
              loading={isGoing(suspended ? 'reinstate' : 'suspend')}
              onClick={() =>
                change.mutate({ word: suspended ? 'reinstate' : 'suspend', body: { reason: reason.trim() } })
              }
              data-testid="operator-standing"
            >
              {suspended ? 'Reinstate' : 'Suspend'}
            </Button>
            {!suspended && (
              <Button
                variant="default"
                loading={isGoing('password')}
                onClick={() => change.mutate({ word: 'password', body: {} })}
                data-testid="operator-new-password"
              >
                New one-time password
              </Button>
            )}
          </Group>
          <Text size="sm" c="dimmed">
            {suspended
              ? 'Suspended, nobody signs in under this name.'
              : 'A suspension and a new password end every session at once.'}
          </Text>
          {change.error && <Failure error={change.error} title={`${operator} stays as before`} />}
        </Stack>
      ) : (
        <OneTime made={{ operator, oneTimePassword: made }} close={close} />
      )}
    </Modal>
  )
}

export const OperatorsPage = () => {
  const query = useAnswer<Aged & { readonly operators: readonly Operator[] }>('/api/operators')
  const [adding, setAdding] = useState(false)
  const [changing, setChanging] = useState<string>()
  const isAdministrator = useMay('administrator')
  const columns: readonly Column<Operator>[] = [
    { name: 'operator', title: 'Operator', cell: each => <b>{each.operator}</b> },
    { name: 'role', title: 'Role', cell: each => each.role },
    {
      name: 'standing',
      title: 'Standing',
      cell: each => (
        <Badge variant="light" color={each.standing === 'active' ? 'green' : 'red'}>
          {each.standing}
        </Badge>
      ),
    },
    { name: 'since', title: 'Since', cell: each => <Ago instant={each.since} /> },
    {
      name: 'password',
      title: 'Password set',
      cell: each => (each.passwordSet === null ? 'never' : <Ago instant={each.passwordSet} />),
    },
    {
      name: 'approves',
      title: 'Approves nothing until',
      cell: each =>
        each.approvesNothingUntil !== null && mayAct(each.role, 'approver') ? (
          <Instant instant={each.approvesNothingUntil} />
        ) : (
          ''
        ),
    },
    { name: 'reason', title: 'Reason', wraps: true, cell: each => each.reason ?? '' },
    ...(isAdministrator
      ? [
          {
            name: 'change',
            title: 'Change',
            cell: (each: Operator) => (
              <Button
                size="xs"
                variant="default"
                aria-label={`Change ${each.operator}`}
                onClick={() => setChanging(each.operator)}
                data-testid={`change-${each.operator}`}
              >
                Change
              </Button>
            ),
          },
        ]
      : []),
  ]
  const changed = query.data?.operators.find(({ operator }) => operator === changing)
  return (
    <Page
      title="Operators"
      answer={query.data}
      fetchedAt={query.dataUpdatedAt}
      actions={
        <Allowed to="administrator">
          <Button
            leftSection={<Plus size={18} aria-hidden />}
            onClick={() => setAdding(true)}
            data-testid="operator-new"
          >
            Add an operator
          </Button>
        </Allowed>
      }
    >
      <Answered query={query}>
        {({ operators }) =>
          operators.length === 0 ? (
            <Empty title="No operator yet">The first start of a centre makes an administrator.</Empty>
          ) : (
            <List label="Operators" rows={operators} keyOf={each => each.operator} columns={columns} />
          )
        }
      </Answered>
      {adding && <AddOperator close={() => setAdding(false)} />}
      {changed && <ChangeOperator key={changed.operator} of={changed} close={() => setChanging(undefined)} />}
    </Page>
  )
}

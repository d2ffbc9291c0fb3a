import { Button, Group, Modal, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import type { Till } from './answers.ts'
import { NumberAndPin } from './approval.tsx'
import { useSaid } from './said.ts'
import classes from './till.module.css'

/** Who works at this till: signed on and off here, and set up by a supervisor. */
export const People = ({ till, close }: { readonly till: Till; readonly close: () => void }) => {
  const said = useSaid()
  const { staff, cashier, first } = till.people
  const [settingUp, setSettingUp] = useState(first)
  return (
    <Modal opened onClose={close} centered title={said('people')} closeButtonProps={{ 'aria-label': said('close') }}>
      <Stack>
        {staff.length > 0 && <SignOn cashier={cashier} done={close} />}
        {staff.length > 0 && (
          <ul className={classes.rows}>
            {staff.map(each => (
              <li key={each.staff} className={classes.row} data-testid={`staff-${each.staff}`}>
                <b>
                  {each.staff} {each.name}
                </b>
                <Text span size="sm" c="dimmed">
                  {said(each.role)}
                </Text>
              </li>
            ))}
          </ul>
        )}
        {settingUp ? (
          <SetUp first={first} done={() => setSettingUp(false)} />
        ) : (
          <Button variant="default" onClick={() => setSettingUp(true)} data-testid="staff-set-up">
            {said('setUp')}
          </Button>
        )}
      </Stack>
    </Modal>
  )
}

const SignOn = ({ cashier, done }: { readonly cashier: Till['people']['cashier']; readonly done: () => void }) => {
  const said = useSaid()
  const client = useQueryClient()
  const [number, setNumber] = useState('')
  const [pin, setPin] = useState('')
  const refresh = () => client.invalidateQueries({ queryKey: ['till'] })
  const on = useMutation({
    mutationFn: () => order('/api/sign-on', { cashier: number, pin }),
    onSuccess: async () => {
      await refresh()
      done()
    },
    onError: () => setPin(''),
  })
  const off = useMutation({ mutationFn: () => order('/api/sign-off'), onSuccess: refresh })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!on.isPending) on.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <Text fw={600} data-testid="signed-on">
          {cashier ? `${said('signedOnAs')} ${cashier.staff} ${cashier.name}` : said('nobodyOn')}
        </Text>
        <NumberAndPin label={said('number')} prefix="sign-on" {...{ number, pin, setNumber, setPin }} />
        {(on.error ?? off.error) && <Failure error={on.error ?? off.error} title={said('nothingDone')} />}
        <Group grow>
          <Button type="submit" loading={on.isPending} disabled={!number || pin.length < 4} data-testid="sign-on">
            {said('signOn')}
          </Button>
          {cashier && (
            <Button variant="default" loading={off.isPending} onClick={() => off.mutate()} data-testid="sign-off">
              {said('signOff')}
            </Button>
          )}
        </Group>
      </Stack>
    </form>
  )
}

const SetUp = ({ first, done }: { readonly first: boolean; readonly done: () => void }) => {
  const said = useSaid()
  const client = useQueryClient()
  const [staff, setStaff] = useState('')
  const [name, setName] = useState('')
  const [pin, setPin] = useState('')
  const [role, setRole] = useState<'cashier' | 'supervisor'>(first ? 'supervisor' : 'cashier')
  const [byNumber, setByNumber] = useState('')
  const [byPin, setByPin] = useState('')
  const by = first ? {} : { by: { staff: byNumber, pin: byPin } }
  const after = async () => {
    await client.invalidateQueries({ queryKey: ['till'] })
    done()
  }
  const appoint = useMutation({
    mutationFn: () => order('/api/staff', { staff, name, role, pin, ...by }),
    onSuccess: after,
    onError: () => setByPin(''),
  })
  const dismiss = useMutation({
    mutationFn: () => order(`/api/staff/${encodeURIComponent(staff)}/dismiss`, by),
    onSuccess: after,
    onError: () => setByPin(''),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!appoint.isPending) appoint.mutate()
  }
  const error = appoint.error ?? dismiss.error
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <Text fw={600}>{said('setUp')}</Text>
        {first && <Text size="sm">{said('setUpFirst')}</Text>}
        <NumberAndPin label={said('number')} prefix="staff" {...{ number: staff, pin, setNumber: setStaff, setPin }} />
        <TextInput
          label={said('name')}
          maxLength={60}
          autoComplete="off"
          value={name}
          onChange={event => setName(event.currentTarget.value)}
          data-testid="staff-name"
        />
        {!first && (
          <>
            <SegmentedControl
              aria-label={said('role')}
              value={role}
              onChange={value => setRole(value === 'supervisor' ? 'supervisor' : 'cashier')}
              data={[
                { value: 'cashier', label: said('cashier') },
                { value: 'supervisor', label: said('supervisor') },
              ]}
            />
            <NumberAndPin
              label={said('bySupervisor')}
              prefix="by"
              {...{ number: byNumber, pin: byPin, setNumber: setByNumber, setPin: setByPin }}
            />
          </>
        )}
        {error && <Failure error={error} title={said('nothingDone')} />}
        <Group grow>
          <Button
            type="submit"
            loading={appoint.isPending}
            disabled={!staff || pin.length < 4}
            data-testid="staff-save"
          >
            {said('save')}
          </Button>
          {!first && (
            <Button
              variant="default"
              loading={dismiss.isPending}
              disabled={!staff || !byNumber || byPin.length < 4}
              onClick={() => dismiss.mutate()}
              data-testid="staff-remove"
            >
              {said('remove')}
            </Button>
          )}
        </Group>
      </Stack>
    </form>
  )
}

import { Alert, Button, Group, Stack, Text, Textarea, Title } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Eraser } from 'lucide-react'
import { useState } from 'react'
import { ask, keep, order, wordsOf } from '#screens/api'
import { Failure } from '#screens/states'
import classes from './office.module.css'
import { Line, OrderForm } from './order-form.tsx'
import { Allowed } from './session.tsx'

export interface Person {
  readonly account: string
  readonly version: number
  readonly name: string
  readonly address?: string
  readonly phone?: string
  readonly email?: string
  readonly notes?: string
}

type Field = 'name' | 'address' | 'phone' | 'email' | 'notes'
const titles: Readonly<Record<Field, string>> = {
  name: 'Name',
  address: 'Address',
  phone: 'Telephone',
  email: 'E-mail',
  notes: 'Notes',
}
const fields = Object.keys(titles) as readonly Field[]

/** Who holds the account. Each look is noted, so that nothing is asked before somebody means to look. */
export const AccountPerson = ({ account }: { readonly account: string }) => {
  const at = `/api/accounts/${encodeURIComponent(account)}/person`
  const [asked, setAsked] = useState<'keep' | 'erase'>()
  // Not a query: a page that moves by itself would look again, and again, and each would be noted.
  const look = useMutation({ mutationFn: () => ask<Person>(at) })
  const person = look.data
  const close = () => {
    setAsked(undefined)
    look.mutate()
  }
  return (
    <section className={classes.panel} aria-label="Holder">
      <Stack gap="sm">
        <Title order={2} size="h4">
          Holder
        </Title>
        {person && <Facts of={person} />}
        {look.error &&
          (wordsOf(look.error).reason === 'PersonErased' ? (
            <Alert variant="outline" color="gray" icon={<Eraser size={20} aria-hidden />} data-testid="person-erased">
              <Text size="sm">{wordsOf(look.error).message}</Text>
            </Alert>
          ) : (
            <Failure error={look.error} title="This cannot be shown" again={look.mutate} />
          ))}
        <Group gap="xs">
          {!person && !look.error && (
            <>
              <Button
                variant="default"
                loading={look.isPending}
                onClick={() => look.mutate()}
                data-testid="person-show"
              >
                Show the holder
              </Button>
              <Text size="sm" c="dimmed">
                Kept apart from the log. Who looks is noted.
              </Text>
            </>
          )}
          {person && (
            <Button variant="default" onClick={() => setAsked('keep')} data-testid="person-change">
              {person.version === 0 ? 'Write it down' : 'Change'}
            </Button>
          )}
          {person && person.version > 0 && (
            <Allowed to="approver">
              <Button variant="default" onClick={() => setAsked('erase')} data-testid="person-erase">
                Erase
              </Button>
            </Allowed>
          )}
        </Group>
      </Stack>
      {asked === 'keep' && person && <Keep at={at} of={person} close={close} />}
      {asked === 'erase' && <Erase at={at} account={account} close={close} />}
    </section>
  )
}

const Facts = ({ of }: { readonly of: Person }) =>
  of.version === 0 ? (
    <Text size="sm" data-testid="person-none">
      Nothing is known of who holds this account.
    </Text>
  ) : (
    <dl className={classes.facts} data-testid="person">
      {fields.map(field =>
        of[field] ? (
          <Fact key={field} title={titles[field]}>
            {of[field]}
          </Fact>
        ) : null,
      )}
    </dl>
  )

const Fact = ({ title, children }: { readonly title: string; readonly children: string }) => (
  <>
    <dt>{title}</dt>
    <dd style={{ whiteSpace: 'pre-line' }}>{children}</dd>
  </>
)

const Keep = ({ at, of, close }: { readonly at: string; readonly of: Person; readonly close: () => void }) => {
  const [said, setSaid] = useState(() => Object.fromEntries(fields.map(field => [field, of[field] ?? ''])))
  const write = (field: Field, words: string) => setSaid({ ...said, [field]: words })
  const written = () =>
    Object.fromEntries(fields.flatMap(field => (said[field]?.trim() ? [[field, said[field].trim()]] : [])))
  return (
    <OrderForm
      name="person"
      title="Who holds it"
      confirm="Keep"
      failed="It stays as it was"
      asksReason={false}
      ready={said['name']?.trim() !== ''}
      close={close}
      send={() => keep(at, { version: of.version, ...written() })}
    >
      {fields.map(field =>
        field === 'address' || field === 'notes' ? (
          <Textarea
            key={field}
            label={titles[field]}
            autosize
            minRows={2}
            maxLength={field === 'notes' ? 2000 : 500}
            value={said[field] ?? ''}
            onChange={input => write(field, input.currentTarget.value)}
            data-testid={`person-${field}`}
          />
        ) : (
          <Line
            key={field}
            label={titles[field]}
            required={field === 'name'}
            maxLength={200}
            value={said[field] ?? ''}
            say={words => write(field, words)}
            data-autofocus={field === 'name' ? true : undefined}
            testId={`person-${field}`}
          />
        ),
      )}
    </OrderForm>
  )
}

const Erase = (props: { readonly at: string; readonly account: string; readonly close: () => void }) => (
  <OrderForm
    name="erase"
    title="Erase the holder’s data"
    confirm="Erase for good"
    failed="Nothing was erased"
    grave
    close={props.close}
    send={({ reason }) => order(`${props.at}/erase`, { reason })}
  >
    <Text size="sm">
      Name, address and all else that is known of the holder of {props.account} goes, <b>and does not come back</b>:
      nothing is written down for this account again. The account, what it owes and every event of it stay, and the log
      is as verifiable as before.
    </Text>
    <Text size="sm">
      Backups made before still hold it until you let them go. Do not put the name into the reason: the log keeps that.
    </Text>
  </OrderForm>
)

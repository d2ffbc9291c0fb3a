import { Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { useState } from 'react'
import { order } from '#screens/api'
import { Empty } from '#screens/states'
import classes from './office.module.css'
import { OrderForm } from './order-form.tsx'
import { Allowed } from './session.tsx'

export type DenyList = {
  readonly version: number
  /** License ids. */
  readonly licenses: readonly string[]
  readonly cards: readonly string[]
}

type What = 'add' | 'remove'
const titles = { add: 'Put on the deny list', remove: 'Take off the deny list' } as const
const means = {
  add: 'Terminals refuse them from their next sync on.',
  remove: 'Terminals take them again from their next sync on, unless a license is revoked besides.',
} as const

/** So many are shown; the list itself may have thousands. */
const shown = 50

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

export const DenyListPanel = ({ list }: { readonly list: DenyList }) => {
  const [asked, setAsked] = useState<What>()
  const { licenses, cards, version } = list
  const entries = [...licenses, ...cards]
  return (
    <section className={classes.panel} aria-label="Deny list">
      <Stack gap="sm">
        <Text size="sm" data-testid="deny-list">
          {version === 0
            ? 'None was published yet'
            : `Version ${version}: ${counted(licenses.length, 'license')}, ${counted(cards.length, 'card')}`}
        </Text>
        <Group gap="xs">
          <Allowed to="clerk">
            <Button variant="default" onClick={() => setAsked('add')} data-testid="deny-add">
              Add
            </Button>
          </Allowed>
          <Allowed to="approver">
            <Button
              variant="default"
              disabled={entries.length === 0}
              onClick={() => setAsked('remove')}
              data-testid="deny-remove"
            >
              Remove
            </Button>
          </Allowed>
        </Group>
        {entries.length === 0 ? (
          <Empty title="Nobody is on it">Licenses that are revoked stand here, and whatever an operator adds.</Empty>
        ) : (
          <ul className={classes.code ?? ''} aria-label="Entries" style={{ margin: 0, paddingLeft: 20 }}>
            {entries.slice(0, shown).map(entry => (
              <li key={entry}>
                <Text size="sm" ff="monospace">
                  {entry}
                </Text>
              </li>
            ))}
          </ul>
        )}
        {entries.length > shown && <Text size="sm">And {entries.length - shown} more.</Text>}
      </Stack>
      {asked && <Ask what={asked} close={() => setAsked(undefined)} />}
    </section>
  )
}

/** A card number has digits only; whatever else was written is taken for a license, which the centre checks. */
const sorted = (written: string) => {
  const entries = written.split(/[\s,;]+/).filter(entry => entry !== '')
  const isCard = (entry: string) => /^\d+$/.test(entry)
  return { cards: entries.filter(isCard), licenses: entries.filter(entry => !isCard(entry)) }
}

const Ask = ({ what, close }: { readonly what: What; readonly close: () => void }) => {
  const [entries, setEntries] = useState('')
  return (
    <OrderForm
      name="deny"
      title={titles[what]}
      confirm={titles[what]}
      failed="The list stays as it was"
      ready={entries.trim() !== ''}
      close={close}
      send={({ reason }) => order(`/api/authority/deny-list/${what}`, { ...sorted(entries), reason })}
    >
      <Text size="sm">{means[what]}</Text>
      <Textarea
        label="Licenses and cards"
        description="License ids, and card numbers of 16 to 19 digits, one a line"
        autosize
        minRows={3}
        maxRows={10}
        required
        spellCheck={false}
        value={entries}
        onChange={event => setEntries(event.currentTarget.value)}
        data-autofocus
        data-testid="deny-entries"
      />
    </OrderForm>
  )
}

import { Button, Group, NativeSelect, Stack, Text, Textarea, Title } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { order } from '#screens/api'
import { Money } from '#screens/money'
import { Empty } from '#screens/states'
import type { Merchant } from './answers.ts'
import classes from './office.module.css'
import { OrderForm } from './order-form.tsx'
import { Allowed } from './session.tsx'

export interface FareTable {
  readonly version: number
  readonly merchant: string
  readonly currency: string
  readonly stations: readonly { readonly station: string; readonly zone: number }[]
  readonly fares: readonly { readonly zones: number; readonly amount: string }[]
}

const zonesInWords = (zones: number, isLast: boolean): string =>
  `${zones} ${zones === 1 ? 'zone' : 'zones'}${isLast ? ' and more' : ''}`

/** What a ride costs in a merchant's vehicles. */
export const FareTables = (props: {
  readonly tables: readonly FareTable[]
  readonly merchants: readonly Merchant[]
}) => {
  const { tables, merchants } = props
  const [asked, setAsked] = useState<FareTable | 'new'>()
  return (
    <>
      {tables.length === 0 && (
        <Empty title="No fare table">Where a merchant’s terminals price rides, they need one; shops need none.</Empty>
      )}
      {tables.map(each => (
        <section
          key={each.merchant}
          className={classes.panel}
          aria-label={`Fares of ${each.merchant}`}
          data-testid={`fares-${each.merchant}`}
        >
          <Stack gap="sm">
            <Title order={3} size="h5" style={{ overflowWrap: 'anywhere' }}>
              {each.merchant}, version {each.version}
            </Title>
            <dl className={classes.facts}>
              {each.fares.map(({ zones, amount }, place) => (
                <Fact key={zones} title={zonesInWords(zones, place === each.fares.length - 1)}>
                  <Money amount={amount} currency={each.currency} />
                </Fact>
              ))}
              <dt>Stations</dt>
              <dd>
                {each.stations
                  .slice(0, shown)
                  .map(({ station, zone }) => `${station} (zone ${zone})`)
                  .join(', ')}
                {each.stations.length > shown && `, and ${each.stations.length - shown} more`}
              </dd>
            </dl>
            <Allowed to="administrator">
              <Group>
                <Button
                  variant="default"
                  aria-label={`Change the fares of ${each.merchant}`}
                  onClick={() => setAsked(each)}
                  data-testid={`fares-change-${each.merchant}`}
                >
                  Change
                </Button>
              </Group>
            </Allowed>
          </Stack>
        </section>
      ))}
      <Allowed to="administrator">
        {merchants.length > 0 && (
          <Group>
            <Button variant="default" onClick={() => setAsked('new')} data-testid="fares-publish">
              Publish a fare table
            </Button>
          </Group>
        )}
      </Allowed>
      {asked && (
        <Publish of={asked === 'new' ? undefined : asked} merchants={merchants} close={() => setAsked(undefined)} />
      )}
    </>
  )
}

/** So many stations are read out; a town has hundreds. */
const shown = 30

const Fact = (props: { readonly title: string; readonly children: ReactNode }) => (
  <>
    <dt>{props.title}</dt>
    <dd>{props.children}</dd>
  </>
)

/** What stands before the last word of each line, and that word: "Old Harbour 3" is Old Harbour, and 3. */
const pairsIn = (written: string): readonly (readonly [string, string])[] =>
  written
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .map(line => {
      const [, before = '', last = ''] = /^(.*?)[\s,;]+(\S+)$/.exec(line) ?? []
      return [before, last]
    })

/** A number, or what was written instead of one, for the centre to refuse by name. */
const numberIn = (text: string): number | string => (/^\d{1,7}$/.test(text) ? Number(text) : text)

const Publish = (props: {
  readonly of: FareTable | undefined
  readonly merchants: readonly Merchant[]
  readonly close: () => void
}) => {
  const { of, merchants, close } = props
  const [merchant, setMerchant] = useState(of?.merchant ?? merchants[0]?.merchant ?? '')
  const [stations, setStations] = useState(
    of?.stations.map(({ station, zone }) => `${station} ${zone}`).join('\n') ?? '',
  )
  const [fares, setFares] = useState(of?.fares.map(({ zones, amount }) => `${zones} ${amount}`).join('\n') ?? '')
  const currency = of?.currency ?? merchants.find(each => each.merchant === merchant)?.currency ?? ''
  return (
    <OrderForm
      name="fares"
      title={of ? `Fares of ${of.merchant}` : 'Publish a fare table'}
      confirm="Publish it"
      failed="The fares stay as they were"
      wide
      ready={stations.trim() !== '' && fares.trim() !== ''}
      close={close}
      send={({ reason }) =>
        order(`/api/authority/fare-tables/${encodeURIComponent(merchant)}`, {
          currency,
          stations: pairsIn(stations).map(([station, zone]) => ({ station, zone: numberIn(zone) })),
          fares: pairsIn(fares).map(([zones, amount]) => ({ zones: numberIn(zones), amount })),
          reason,
        })
      }
    >
      {!of && (
        <NativeSelect
          label="Merchant"
          data={merchants.map(each => ({ value: each.merchant, label: `${each.name} (${each.merchant})` }))}
          value={merchant}
          onChange={input => setMerchant(input.currentTarget.value)}
          data-autofocus
          data-testid="fares-merchant"
        />
      )}
      <Text size="sm">
        Its terminals price rides by it from their next sync on. It is the whole table, not a change.
      </Text>
      <Textarea
        label="Stations"
        description="One a line: its name, then its zone"
        placeholder={'Old Harbour 1\nCastle 2'}
        autosize
        minRows={3}
        maxRows={10}
        required
        spellCheck={false}
        value={stations}
        onChange={input => setStations(input.currentTarget.value)}
        data-autofocus
        data-testid="fares-stations"
      />
      <Textarea
        label={`Fares in ${currency}`}
        description="One a line: zones ridden through, then the price; the last holds for every longer ride"
        placeholder={'1 2.40\n2 3.10'}
        autosize
        minRows={3}
        maxRows={10}
        required
        spellCheck={false}
        value={fares}
        onChange={input => setFares(input.currentTarget.value)}
        data-testid="fares-fares"
      />
    </OrderForm>
  )
}

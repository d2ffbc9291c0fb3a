import { Button, Checkbox, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { Ago } from '#screens/age'
import { order } from '#screens/api'
import { Money } from '#screens/money'
import { Empty } from '#screens/states'
import type { CountAndSum } from './answers.ts'
import classes from './office.module.css'
import { Line, OrderForm } from './order-form.tsx'
import { Allowed } from './session.tsx'

/** Amounts as people write them. */
export type Policy = {
  readonly version: number
  /** Seconds. */
  readonly issued: number
  readonly currency: string
  readonly why?: string
  readonly perTransaction: string
  readonly silentMax?: string
  readonly perKeyOnTerminal: string
  readonly sinceSeen: CountAndSum
  readonly stored: CountAndSum
  readonly hoursSinceSync: number
  readonly denyListAge_hours: number
  readonly policyAge_hours: number
  readonly clockTolerance_s: number
  readonly roundTrip_ms: number
  /** Of the shop's day; without it a forgotten day ends when the next is opened. */
  readonly rollOver_hour?: number
  readonly overridable: readonly string[]
  readonly suites?: readonly string[]
}

/** What a supervisor of a shop may answer for. */
const rules: Readonly<Record<string, string>> = {
  TransactionLimitExceeded: 'a payment above the limit of one',
  FloorLimitExceeded: 'one phone above its sum at a terminal',
  OfflineCountExceeded: 'too many payments of a phone since it was seen',
  OfflineSumExceeded: 'too large a sum of a phone since it was seen',
  StoredCountExceeded: 'too many payments stored',
  StoredSumExceeded: 'too large a sum stored',
  SyncTooLongAgo: 'a sync too long ago',
  DenyListTooOld: 'a deny list too old',
  PolicyTooOld: 'a policy too old',
}
const suites: Readonly<Record<string, string>> = {
  'P256-AUTH': 'P256-AUTH: the phone signs with its own key',
  'RSA-RECOVERY': 'RSA-RECOVERY: the signature carries the payment',
}
const withoutSuites = ['P256-AUTH']

export const Policies = ({ policies }: { readonly policies: readonly Policy[] }) => {
  const [asked, setAsked] = useState<string>()
  const changing = policies.find(({ currency }) => currency === asked)
  if (policies.length === 0)
    return (
      <Empty title="No policy yet">
        The first terminal that syncs in a currency brings the first policy of it about.
      </Empty>
    )
  return (
    <>
      {policies.map(each => (
        <section
          key={each.currency}
          className={classes.panel}
          aria-label={`Policy of ${each.currency}`}
          data-testid={`policy-${each.currency}`}
        >
          <InWords of={each} />
          <Allowed to="administrator">
            <Button
              mt="sm"
              variant="default"
              aria-label={`Change the policy of ${each.currency}`}
              onClick={() => setAsked(each.currency)}
              data-testid={`policy-change-${each.currency}`}
            >
              Change
            </Button>
          </Allowed>
        </section>
      ))}
      {changing && <Change key={changing.currency} of={changing} close={() => setAsked(undefined)} />}
    </>
  )
}

const InWords = ({ of }: { readonly of: Policy }) => {
  const money = (amount: string) => <Money amount={amount} currency={of.currency} />
  return (
    <>
      <Title order={3} size="h5">
        {of.currency}, version {of.version}
      </Title>
      <Text size="sm" c="dimmed" mb="sm" style={{ overflowWrap: 'anywhere' }}>
        Signed <Ago instant={new Date(of.issued * 1000).toISOString()} />
        {of.why === undefined ? '' : `: ${of.why}`}
      </Text>
      <dl className={classes.facts}>
        <dt>One payment</dt>
        <dd>
          at most {money(of.perTransaction)}
          {of.silentMax === undefined ? null : <>, without asking the holder at most {money(of.silentMax)}</>}
        </dd>
        <dt>One phone</dt>
        <dd>
          until it is seen, {of.sinceSeen.count} payments and {money(of.sinceSeen.sum)}; at one terminal{' '}
          {money(of.perKeyOnTerminal)}
        </dd>
        <dt>Stored</dt>
        <dd>
          a terminal keeps {of.stored.count} payments and {money(of.stored.sum)}
        </dd>
        <dt>Ages</dt>
        <dd>
          a sync within {of.hoursSinceSync} hours, a deny list of {of.denyListAge_hours}, a policy of{' '}
          {of.policyAge_hours}
        </dd>
        <dt>A tap</dt>
        <dd>
          the phone answers within {of.roundTrip_ms} ms, its clock off by at most {of.clockTolerance_s} s
        </dd>
        <dt>A forgotten day</dt>
        <dd>
          {of.rollOver_hour === undefined
            ? 'ends when the next is opened'
            : `ends at ${of.rollOver_hour}:00, before the first sale after it`}
        </dd>
        <dt>Overrides</dt>
        <dd>
          {of.overridable.length === 0
            ? 'a supervisor may answer for nothing'
            : `a supervisor may answer for ${of.overridable.map(rule => rules[rule] ?? rule).join(', ')}`}
        </dd>
        <dt>Suites</dt>
        <dd>{(of.suites ?? withoutSuites).join(', ')}</dd>
      </dl>
    </>
  )
}

const amounts = [
  ['perTransaction', 'One payment at most'],
  ['silentMax', 'Without asking the holder, at most'],
  ['perKeyOnTerminal', 'One phone at one terminal'],
  ['sinceSeen.sum', 'One phone until it is seen'],
  ['stored.sum', 'Stored at a terminal'],
] as const
const counts = [
  ['sinceSeen.count', 'Payments of one phone until it is seen'],
  ['stored.count', 'Payments stored at a terminal'],
  ['hoursSinceSync', 'Hours since the last sync'],
  ['denyListAge_hours', 'Hours that a deny list lasts'],
  ['policyAge_hours', 'Hours that a policy lasts'],
  ['clockTolerance_s', 'Seconds that a phone’s clock may be off'],
  ['roundTrip_ms', 'Milliseconds for a phone to answer'],
  ['rollOver_hour', 'Hour at which a forgotten day ends, 0 to 23'],
] as const
/** What a policy need not say: left empty, it is taken out. */
const optional: readonly string[] = ['silentMax', 'rollOver_hour']
type Field = (typeof amounts | typeof counts)[number][0]
type Fields = Readonly<Record<Field, string>>

const fieldsOf = (of: Policy): Fields => ({
  perTransaction: of.perTransaction,
  silentMax: of.silentMax ?? '',
  perKeyOnTerminal: of.perKeyOnTerminal,
  'sinceSeen.sum': of.sinceSeen.sum,
  'sinceSeen.count': `${of.sinceSeen.count}`,
  'stored.sum': of.stored.sum,
  'stored.count': `${of.stored.count}`,
  hoursSinceSync: `${of.hoursSinceSync}`,
  denyListAge_hours: `${of.denyListAge_hours}`,
  policyAge_hours: `${of.policyAge_hours}`,
  clockTolerance_s: `${of.clockTolerance_s}`,
  roundTrip_ms: `${of.roundTrip_ms}`,
  rollOver_hour: of.rollOver_hour === undefined ? '' : `${of.rollOver_hour}`,
})

const bodyOf = (fields: Fields) => {
  const silentMax = fields.silentMax.trim()
  return {
    perTransaction: fields.perTransaction.trim(),
    silentMax: silentMax === '' ? null : silentMax,
    rollOver_hour: fields.rollOver_hour === '' ? null : Number(fields.rollOver_hour),
    perKeyOnTerminal: fields.perKeyOnTerminal.trim(),
    sinceSeen: { count: Number(fields['sinceSeen.count']), sum: fields['sinceSeen.sum'].trim() },
    stored: { count: Number(fields['stored.count']), sum: fields['stored.sum'].trim() },
    hoursSinceSync: Number(fields.hoursSinceSync),
    denyListAge_hours: Number(fields.denyListAge_hours),
    policyAge_hours: Number(fields.policyAge_hours),
    clockTolerance_s: Number(fields.clockTolerance_s),
    roundTrip_ms: Number(fields.roundTrip_ms),
  }
}

const Change = ({ of, close }: { readonly of: Policy; readonly close: () => void }) => {
  const [fields, setFields] = useState(() => fieldsOf(of))
  const [overridable, setOverridable] = useState([...of.overridable])
  const [taken, setTaken] = useState([...(of.suites ?? withoutSuites)])
  const said = of.suites ?? withoutSuites
  const write = (field: Field, words: string) => setFields({ ...fields, [field]: words })
  const known = [...new Set([...Object.keys(rules), ...of.overridable])]
  const isWhole = [...amounts, ...counts].every(([field]) => optional.includes(field) || fields[field].trim() !== '')
  return (
    <OrderForm
      name="policy"
      title={`Change the policy of ${of.currency}`}
      confirm="Publish it"
      failed="The policy stays as it was"
      wide
      ready={taken.length > 0 && isWhole}
      close={close}
      send={({ reason }) =>
        order(`/api/authority/policies/${of.currency}`, {
          ...bodyOf(fields),
          overridable,
          // What is as it was is not said, so that it is no change.
          ...(taken.toSorted().join() === said.toSorted().join() ? {} : { suites: taken }),
          reason,
        })
      }
    >
      <Text size="sm">Every terminal that sells in {of.currency} keeps to it from its next sync on.</Text>
      {amounts.map(([field, label]) => (
        <Line
          key={field}
          label={`${label}, in ${of.currency}`}
          inputMode="decimal"
          required={!optional.includes(field)}
          description={optional.includes(field) ? 'Left empty, none' : undefined}
          data-autofocus={field === 'perTransaction' ? true : undefined}
          value={fields[field]}
          say={words => write(field, words)}
          testId={`policy-${field}`}
        />
      ))}
      {counts.map(([field, label]) => (
        <Line
          key={field}
          label={label}
          inputMode="numeric"
          required={!optional.includes(field)}
          description={optional.includes(field) ? 'Left empty, none' : undefined}
          value={fields[field]}
          say={words => write(field, words.replace(/\D/g, ''))}
          testId={`policy-${field}`}
        />
      ))}
      <Checkbox.Group label="A supervisor may answer for" value={overridable} onChange={setOverridable}>
        <Stack gap="xs" mt={6}>
          {known.map(rule => (
            <Checkbox key={rule} value={rule} label={rules[rule] ?? rule} data-testid={`policy-${rule}`} />
          ))}
        </Stack>
      </Checkbox.Group>
      <Checkbox.Group label="Phones may pay by" value={taken} onChange={setTaken}>
        <Stack gap="xs" mt={6}>
          {Object.entries(suites).map(([suite, label]) => (
            <Checkbox key={suite} value={suite} label={label} data-testid={`policy-${suite}`} />
          ))}
        </Stack>
      </Checkbox.Group>
    </OrderForm>
  )
}

import { Button, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { CircleCheck, CircleX, type LucideIcon, Nfc, Unplug } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { ask, order } from '#screens/api'
import { writtenAmount } from '#screens/money'
import { Announcement, Answered, Empty, Failure } from '#screens/states'
import type { Phone, TapOutcome, TerminalInReach } from './answers.ts'
import classes from './phone.module.css'

const ConsentSheet = lazy(() => import('./consent.tsx').then(({ ConsentSheet }) => ({ default: ConsentSheet })))

/** The phone held to a terminal. The server answers when the phone has left the field; consent may be asked meanwhile. */
export const Tap = ({ phone }: { readonly phone: Phone }) => {
  const client = useQueryClient()
  const [chosen, setChosen] = useState<string | null>(null)
  const terminals = useQuery({
    queryKey: ['terminals'],
    queryFn: ({ signal }) => ask<readonly TerminalInReach[]>('/api/terminals', {}, signal),
    // A terminal comes into reach without a word.
    refetchInterval: 5000,
  })
  const inReach = terminals.data ?? []
  const terminal = inReach.find(each => each.terminal === chosen)?.terminal ?? inReach[0]?.terminal
  const tap = useMutation({
    mutationFn: (at: string) => order<TapOutcome>(`/api/phones/${encodeURIComponent(phone.id)}/tap`, { terminal: at }),
    onSettled: () => client.invalidateQueries(),
  })
  const consent = phone.pendingConsent

  return (
    <section className={classes.tap} aria-label="Tap">
      <Announcement words={tap.data ? spoken(tap.data) : tap.isPending ? 'Hold the phone to the terminal' : ''} />
      <Answered query={terminals} lines={2}>
        {list =>
          list.length === 0 ? (
            <Empty title="No terminal in reach">
              A terminal appears here once it runs and listens for phones. Start one, then hold the phone to it.
            </Empty>
          ) : (
            <fieldset className={classes.terminals}>
              <legend>Terminal</legend>
              {list.map(each => (
                <label key={each.terminal} className={classes.terminal} data-testid={`terminal-${each.terminal}`}>
                  <input
                    type="radio"
                    name="terminal"
                    value={each.terminal}
                    checked={each.terminal === terminal}
                    onChange={() => setChosen(each.terminal)}
                  />
                  <span>
                    <b>{each.terminal}</b>
                    <Text span size="sm" c="dimmed">
                      {each.address}
                    </Text>
                  </span>
                </label>
              ))}
            </fieldset>
          )
        }
      </Answered>
      <Button
        fullWidth
        className={classes.tapButton ?? ''}
        leftSection={<Nfc size={26} aria-hidden />}
        disabled={terminal === undefined || tap.isPending}
        onClick={() => terminal !== undefined && tap.mutate(terminal)}
        data-testid="tap"
      >
        {tap.isPending ? 'Hold still…' : 'Tap on terminal'}
      </Button>
      {tap.error && <Failure error={tap.error} title="The phone could not tap" />}
      {tap.data && !tap.isPending && <Outcome outcome={tap.data} />}
      {consent && (
        <Suspense>
          <ConsentSheet
            phone={phone.id}
            consent={consent}
            inField={tap.isPending}
            tapAgain={() => terminal !== undefined && tap.mutate(terminal)}
          />
        </Suspense>
      )}
    </section>
  )
}

const spoken = (outcome: TapOutcome): string => {
  switch (outcome.outcome) {
    case 'paid':
      return 'Paid'
    case 'declined':
      return 'Not paid'
    case 'torn':
      return 'Not paid. Tap again.'
  }
}

const looks: Readonly<
  Record<TapOutcome['outcome'], { readonly ground: string | undefined; readonly icon: LucideIcon }>
> = {
  paid: { ground: classes.paid, icon: CircleCheck },
  declined: { ground: classes.declined, icon: CircleX },
  torn: { ground: classes.torn, icon: Unplug },
}

const Outcome = ({ outcome }: { readonly outcome: TapOutcome }) => {
  const { ground, icon: Icon } = looks[outcome.outcome]
  return (
    <div className={`${classes.outcome} ${ground}`} data-testid="tap-result" data-outcome={outcome.outcome}>
      <Icon size={40} aria-hidden />
      <div>
        <b>
          {spoken(outcome)}
          {outcome.outcome === 'paid' && outcome.amount !== undefined
            ? ` ${writtenAmount(outcome.amount)} ${outcome.currency ?? ''}`
            : ''}
        </b>
        {outcome.message && <p>{outcome.message}</p>}
        {outcome.outcome === 'torn' && !outcome.message && (
          <p>The phone left the terminal too early. Tap again: you are charged once at most.</p>
        )}
        {outcome.reason && <small>{outcome.reason}</small>}
      </div>
    </div>
  )
}

import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Delete } from 'lucide-react'
import { type ReactNode, useEffect, useEffectEvent, useRef, useState } from 'react'
import { freshKey, order } from '#screens/api'
import { amountOf, isNothing, keyed } from '#screens/keyed'
import { writtenAmount } from '#screens/money'
import { Failure } from '#screens/states'
import type { Sale, Till } from './answers.ts'
import { useSaid } from './said.ts'
import classes from './till.module.css'

const digits = ['7', '8', '9', '4', '5', '6', '1', '2', '3'] as const
const places: Readonly<Record<string, string>> = {
  '7': '1 / 1',
  '8': '1 / 2',
  '9': '1 / 3',
  '4': '2 / 1',
  '5': '2 / 2',
  '6': '2 / 3',
  '1': '3 / 1',
  '2': '3 / 2',
  '3': '3 / 3',
}

/** A key on the glass. It never takes the focus by pointer, so that Enter afterwards charges and does not key again. */
const Key = (props: {
  readonly name: string
  readonly label: string
  readonly place: string
  readonly press: () => void
  readonly children: ReactNode
}) => (
  <button
    type="button"
    className={classes.key}
    style={{ gridArea: props.place }}
    aria-label={props.label}
    data-testid={`key-${props.name}`}
    onMouseDown={event => event.preventDefault()}
    onClick={props.press}
  >
    {props.children}
  </button>
)

export const Keypad = ({ till, paused }: { readonly till: Till; readonly paused: boolean }) => {
  const said = useSaid()
  const client = useQueryClient()
  const [entry, setEntry] = useState('')
  const { currency } = till
  // A charge that got no answer is asked again under the same key: the sale is begun once.
  const attempt = useRef<{ amount: string; key: string } | null>(null)

  const charge = useMutation({
    mutationFn: (amount: string) => {
      if (attempt.current?.amount !== amount) attempt.current = { amount, key: freshKey() }
      return order<Sale>('/api/sales', { amount, currency }, attempt.current.key)
    },
    onSuccess: sale => {
      attempt.current = null
      setEntry('')
      client.setQueryData<Till>(['till'], known => (known ? { ...known, sale } : known))
      return client.invalidateQueries({ queryKey: ['till'] })
    },
  })

  const canCharge =
    !isNothing(entry) && !charge.isPending && till.reader.state === 'ready' && till.day?.state === 'open'
  const amount = amountOf(entry, currency)

  const press = (key: string) => {
    if (charge.isPending) return
    attempt.current = null
    charge.reset()
    setEntry(so => keyed(so, key, currency))
  }
  const back = () => {
    if (!charge.isPending) setEntry(so => so.slice(0, -1))
  }
  const clear = () => {
    if (charge.isPending) return
    charge.reset()
    setEntry('')
  }

  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (paused || event.ctrlKey || event.metaKey || event.altKey) return
    if (document.querySelector('[role="dialog"]')) return
    const target = event.target instanceof HTMLElement ? event.target : document.body
    if (target.matches('input, textarea, select')) return
    if (/^[0-9]$/.test(event.key) || event.key === '.' || event.key === ',') {
      // Who types an amount means the amount: Enter must not press the button that was clicked before.
      target.blur()
      press(event.key === ',' ? '.' : event.key)
    } else if (event.key === 'Backspace') back()
    else if (event.key === 'Escape') clear()
    // A focused button answers Enter itself; and a held-down Enter must not charge twice.
    else if (event.key === 'Enter' && !event.repeat && !target.closest('button, a')) {
      if (canCharge) charge.mutate(amount)
    } else return
    event.preventDefault()
  })
  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKey(event)
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])

  return (
    <>
      <div className={`${classes.amount} ${isNothing(entry) ? classes.nothing : ''}`} data-testid="amount">
        {writtenAmount(amount)}
        <small> {currency}</small>
      </div>
      <div className={classes.keys}>
        {digits.map(digit => (
          <Key key={digit} name={digit} label={digit} place={places[digit] ?? ''} press={() => press(digit)}>
            {digit}
          </Key>
        ))}
        <Key name="backspace" label="Delete the last digit" place="1 / 4 / 3 / 5" press={back}>
          <Delete size={28} aria-hidden />
        </Key>
        <Key name="clear" label="Clear the amount" place="3 / 4" press={clear}>
          C
        </Key>
        <Key name="0" label="0" place="4 / 1 / 5 / 3" press={() => press('0')}>
          0
        </Key>
        <Key name="00" label="00" place="4 / 3" press={() => press('00')}>
          00
        </Key>
        <Key name="point" label="Point" place="4 / 4" press={() => press('.')}>
          .
        </Key>
      </div>
      <Button
        fullWidth
        className={classes.charge ?? ''}
        disabled={!canCharge && !charge.isPending}
        loading={charge.isPending}
        onClick={() => charge.mutate(amount)}
        data-testid="charge"
      >
        {isNothing(entry) ? said('charge') : `${said('charge')} ${writtenAmount(amount)} ${currency}`}
      </Button>
      {charge.error && (
        <div style={{ marginTop: 12 }}>
          <Failure error={charge.error} title={said('nothingDone')} />
        </div>
      )}
    </>
  )
}

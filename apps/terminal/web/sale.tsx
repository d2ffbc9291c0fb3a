import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Ban, CircleCheck, CircleX, type LucideIcon, Nfc, Unplug } from 'lucide-react'
import { useEffect, useEffectEvent } from 'react'
import { order } from '#screens/api'
import { writtenAmount } from '#screens/money'
import { Failure } from '#screens/states'
import type { Sale } from './answers.ts'
import classes from './till.module.css'
import { adviceFor, headingOf } from './words.ts'

const looks: Readonly<Record<Sale['state'], { readonly ground: string | undefined; readonly icon: LucideIcon }>> = {
  waiting: { ground: classes.waitingSale, icon: Nfc },
  tapping: { ground: classes.waitingSale, icon: Nfc },
  approved: { ground: classes.approved, icon: CircleCheck },
  declined: { ground: classes.declined, icon: CircleX },
  torn: { ground: classes.torn, icon: Unplug },
  cancelled: { ground: classes.cancelled, icon: Ban },
}

/** The sale as large as the screen allows: a cashier reads it at arm's length, the customer over the counter. */
export const SaleState = ({ sale, putAway }: { readonly sale: Sale; readonly putAway: () => void }) => {
  const client = useQueryClient()
  const cancelling = useMutation({
    mutationFn: () => order<Sale>(`/api/sales/${encodeURIComponent(sale.sale)}/cancel`),
    // Who cancels knows it, and has the next customer waiting: back to the keys without another press.
    onSuccess: () => {
      putAway()
      return client.invalidateQueries({ queryKey: ['till'] })
    },
  })
  const open = sale.state === 'waiting' || sale.state === 'tapping' || sale.state === 'torn'
  const cancel = () => {
    if (!cancelling.isPending) cancelling.mutate()
  }
  // A declined sale can still be paid by another tap. Before the keys come back it is closed, or the next phone would
  // pay a sale that nobody sees.
  const newSale = () => (sale.state === 'declined' ? cancel() : putAway())

  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.repeat || event.key !== 'Escape' || document.querySelector('[role="dialog"]')) return
    if (open) cancel()
    else newSale()
  })
  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKey(event)
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])

  const { ground, icon: Icon } = looks[sale.state]
  return (
    <>
      <section
        className={`${classes.sale} ${ground}`}
        data-testid="sale-state"
        data-state={sale.state}
        aria-label="Sale"
      >
        <Icon size={88} strokeWidth={1.6} aria-hidden className={open && sale.state !== 'torn' ? classes.beat : ''} />
        <h2 data-testid="sale-heading">{headingOf(sale)}</h2>
        <p className={classes.saleAmount}>
          {writtenAmount(sale.amount)} {sale.currency}
        </p>
        <Details sale={sale} />
        <div className={classes.actions}>
          {open ? (
            <Button
              key="cancel"
              size="lg"
              className={classes.quiet ?? ''}
              disabled={cancelling.isPending || sale.state === 'tapping'}
              onClick={cancel}
              data-testid="cancel"
            >
              Cancel the sale
            </Button>
          ) : (
            <Button
              key="new"
              size="lg"
              className={classes.onColour ?? ''}
              loading={cancelling.isPending}
              onClick={newSale}
              autoFocus
              data-testid="new-sale"
            >
              New sale
            </Button>
          )}
          {sale.state === 'torn' && (
            <Button
              size="lg"
              className={classes.quiet ?? ''}
              disabled={cancelling.isPending}
              onClick={putAway}
              data-testid="put-aside"
            >
              Serve another customer first
            </Button>
          )}
        </div>
      </section>
      {cancelling.error && <Failure error={cancelling.error} title="The sale stays as it is" />}
    </>
  )
}

const Details = ({ sale }: { readonly sale: Sale }) => {
  if (sale.state === 'approved')
    return (
      <>
        {sale.receiptNumber !== undefined && (
          <p className={classes.say}>
            Receipt <span data-testid="receipt-number">{sale.receiptNumber}</span>
          </p>
        )}
        {sale.allowanceLeft !== undefined && (
          <p className={classes.next}>
            The customer has {writtenAmount(sale.allowanceLeft)} {sale.currency} left to use offline.
          </p>
        )}
      </>
    )
  if (sale.state === 'declined') return <Said sale={sale} />
  if (sale.state === 'torn')
    return (
      <>
        <p className={classes.next}>The same phone taps again. It pays once at most.</p>
        {sale.reason !== undefined && sale.reason !== 'FieldLost' && <Said sale={sale} />}
      </>
    )
  if (sale.state === 'waiting')
    // A tap that came to nothing left a word behind, and the till still waits.
    return sale.reason === undefined ? (
      <p className={classes.next}>Hold it flat on the reader until it answers.</p>
    ) : (
      <Said sale={sale} />
    )
  return null
}

const Said = ({ sale }: { readonly sale: Sale }) => {
  const { say, next } = adviceFor(sale.reason)
  return (
    <>
      <p className={classes.say} data-testid="sale-say">
        {say}
      </p>
      <p className={classes.next}>{next}</p>
      <p className={classes.machine} data-testid="sale-reason">
        {sale.reason}
        {sale.message ? `: ${sale.message}` : ''}
      </p>
    </>
  )
}

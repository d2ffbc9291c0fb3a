import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Ban, CircleCheck, CircleX, type LucideIcon, Nfc, Unplug } from 'lucide-react'
import { useEffect, useEffectEvent } from 'react'
import { order } from '#screens/api'
import { writtenAmount } from '#screens/money'
import { Failure } from '#screens/states'
import type { Sale, Till } from './answers.ts'
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
export const SaleState = ({ sale, newSale }: { readonly sale: Sale; readonly newSale: () => void }) => {
  const client = useQueryClient()
  const act = useMutation({
    mutationFn: (what: 'cancel' | 'resume') => order<Sale>(`/api/sales/${encodeURIComponent(sale.sale)}/${what}`),
    onSuccess: after => {
      client.setQueryData<Till>(['till'], known => (known ? { ...known, sale: after } : known))
      // Who cancels knows it, and has the next customer waiting: back to the keys without another press.
      if (after.state === 'cancelled') newSale()
      return client.invalidateQueries({ queryKey: ['till'] })
    },
  })
  const open = sale.state === 'waiting' || sale.state === 'tapping' || sale.state === 'torn'
  const cancel = () => {
    if (!act.isPending) act.mutate('cancel')
  }

  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.repeat || document.querySelector('[role="dialog"]')) return
    if (event.key === 'Escape') open ? cancel() : newSale()
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
          {sale.state === 'torn' && (
            <Button
              size="lg"
              className={classes.onColour ?? ''}
              loading={act.isPending}
              onClick={() => act.mutate('resume')}
              data-testid="resume"
              autoFocus
            >
              Wait for another tap
            </Button>
          )}
          {open ? (
            <Button
              key="cancel"
              size="lg"
              className={classes.quiet ?? ''}
              disabled={act.isPending}
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
              onClick={newSale}
              autoFocus
              data-testid="new-sale"
            >
              New sale
            </Button>
          )}
        </div>
      </section>
      {act.error && <Failure error={act.error} title="The sale stays as it is" />}
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
          <p className={classes.then}>
            The customer has {writtenAmount(sale.allowanceLeft)} {sale.currency} left to use offline.
          </p>
        )}
      </>
    )
  if (sale.state === 'declined') {
    const advice = adviceFor(sale.reason)
    return (
      <>
        <p className={classes.say} data-testid="declined-say">
          {advice.say}
        </p>
        <p className={classes.then}>{advice.then}</p>
        <p className={classes.machine} data-testid="sale-reason">
          {sale.reason}
          {sale.message ? `: ${sale.message}` : ''}
        </p>
      </>
    )
  }
  if (sale.state === 'torn')
    return (
      <p className={classes.then}>
        The phone left the reader too early. The same phone can tap again: it is charged once at most.
      </p>
    )
  if (sale.state === 'waiting') return <p className={classes.then}>Hold it flat on the reader until it answers.</p>
  return null
}

import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Ban, CircleCheck, CircleX, type LucideIcon, Nfc, Unplug } from 'lucide-react'
import { lazy, Suspense, useEffect, useEffectEvent, useState } from 'react'
import { order } from '#screens/api'
import { writtenAmount } from '#screens/money'
import { Failure } from '#screens/states'
import type { Sale } from './answers.ts'
import { headingOf, useSaid } from './said.ts'
import classes from './till.module.css'

const Approval = lazy(() => import('./approval.tsx').then(({ Approval }) => ({ default: Approval })))
const Receipt = lazy(() => import('./receipt.tsx').then(({ Receipt }) => ({ default: Receipt })))

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
  const said = useSaid()
  const [dialog, setDialog] = useState<'approval' | 'receipt' | null>(null)
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
    // Before a dialog hears of it: the Escape that closes one is not meant for the sale behind it.
    window.addEventListener('keydown', listen, true)
    return () => window.removeEventListener('keydown', listen, true)
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
        <h2 data-testid="sale-heading">{headingOf(sale, said)}</h2>
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
              {said('cancelSale')}
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
              {said('newSale')}
            </Button>
          )}
          {sale.state === 'declined' && sale.overridable && (
            <Button
              size="lg"
              className={classes.quiet ?? ''}
              disabled={cancelling.isPending}
              onClick={() => setDialog('approval')}
              data-testid="override"
            >
              {said('letPass')}
            </Button>
          )}
          {sale.state === 'approved' && sale.transaction !== undefined && (
            <Button
              size="lg"
              className={classes.quiet ?? ''}
              onClick={() => setDialog('receipt')}
              data-testid="show-receipt"
            >
              {said('receipt')}
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
              {said('serveAnother')}
            </Button>
          )}
        </div>
      </section>
      {cancelling.error && <Failure error={cancelling.error} title={said('nothingDone')} />}
      <Suspense>
        {dialog === 'approval' && <Approval sale={sale} close={() => setDialog(null)} />}
        {dialog === 'receipt' && sale.transaction !== undefined && (
          <Receipt of="transactions" id={sale.transaction} close={() => setDialog(null)} />
        )}
      </Suspense>
    </>
  )
}

const Details = ({ sale }: { readonly sale: Sale }) => {
  const said = useSaid()
  if (sale.state === 'approved')
    return (
      <>
        {sale.receiptNumber !== undefined && (
          <p className={classes.say}>
            {said('receipt')} <span data-testid="receipt-number">{sale.receiptNumber}</span>
          </p>
        )}
        {sale.allowanceLeft !== undefined && (
          <p className={classes.next}>
            {said('leftOffline')} {writtenAmount(sale.allowanceLeft)} {sale.currency}
          </p>
        )}
      </>
    )
  if (sale.state === 'declined') return <Why sale={sale} />
  if (sale.state === 'torn')
    return (
      <>
        <p className={classes.next}>{said('paysOnce')}</p>
        {sale.reason !== undefined && sale.reason !== 'FieldLost' && <Why sale={sale} />}
      </>
    )
  if (sale.state === 'waiting')
    // A tap that came to nothing left a word behind, and the till still waits.
    return sale.reason === undefined ? (
      <p className={classes.next}>{said(sale.overridden ? 'passed' : 'holdFlat')}</p>
    ) : (
      <Why sale={sale} />
    )
  return null
}

const Why = ({ sale }: { readonly sale: Sale }) => {
  const { say, figures, next } = sale
  return (
    <>
      <p className={classes.say} data-testid="sale-say">
        {say}
      </p>
      {figures !== undefined && (
        <p className={classes.next} data-testid="sale-figures">
          {figures}
        </p>
      )}
      <p className={classes.next}>{next}</p>
      <p className={classes.machine} data-testid="sale-reason">
        {sale.reason}
        {sale.message ? `: ${sale.message}` : ''}
      </p>
    </>
  )
}

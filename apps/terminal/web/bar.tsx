import { Badge, Button, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { CalendarDays, CloudOff, Cloudy, RefreshCw, Wifi, WifiOff } from 'lucide-react'
import { BusinessDate, lengthOf, useNow } from '#screens/age'
import { order } from '#screens/api'
import { Money } from '#screens/money'
import { Failure } from '#screens/states'
import { SchemeToggle } from '#screens/theme'
import type { Till } from './answers.ts'
import classes from './till.module.css'

/** What must never be out of sight: where this is, whether it is online, and how much it still owes to the centre. */
export const Bar = (props: { readonly till: Till; readonly live: boolean; readonly showDay: () => void }) => {
  const { till, live, showDay } = props
  const client = useQueryClient()
  const now = useNow()
  const refresh = () => client.invalidateQueries({ queryKey: ['till'] })
  const sync = useMutation({ mutationFn: () => order('/api/sync'), onSettled: refresh })
  const network = useMutation({
    mutationFn: (online: boolean) => order('/api/network', { online }),
    // A sync that failed for want of a network is answered by switching it on.
    onMutate: () => sync.reset(),
    onSettled: refresh,
  })
  const { waiting, online, lastSync, lastSyncError } = till
  const failure = sync.error ?? network.error

  return (
    <>
      <section className={classes.bar} aria-label="This till">
        <div className={classes.barInner}>
          <div className={classes.who}>
            <div className={classes.shop}>
              <h1>{till.merchantName}</h1>
              <Text size="sm" c="dimmed">
                {till.shopName ?? till.shop} · {till.terminal}
              </Text>
            </div>
            <div style={{ display: 'flex', gap: 8 }}>
              <Button
                variant="default"
                leftSection={<CalendarDays size={18} aria-hidden />}
                onClick={showDay}
                data-testid="day"
              >
                {till.day?.state === 'open' ? <BusinessDate date={till.day.businessDate} short /> : 'Day closed'}
              </Button>
              <SchemeToggle />
            </div>
          </div>
          <div className={classes.strip}>
            {live ? (
              <Badge
                size="lg"
                variant="filled"
                color={online ? '#17693a' : '#8a4b00'}
                leftSection={online ? <Cloudy size={16} aria-hidden /> : <CloudOff size={16} aria-hidden />}
                data-testid="online"
                data-online={online}
              >
                {online ? 'Online' : 'Offline'}
              </Badge>
            ) : (
              // Whether a till that does not answer has a network, nobody knows.
              <Badge size="lg" variant="filled" color="#a32222" data-testid="not-live">
                Till not answering
              </Badge>
            )}
            <span className={classes.waiting}>
              <b data-testid="waiting-count">{waiting.count}</b> waiting,
              <b data-testid="waiting-sum">
                <Money amount={waiting.sum} currency={till.currency} />
              </b>
            </span>
          </div>
          <div className={classes.tail}>
            <Text size="sm" c="dimmed" component="span" data-testid="last-sync">
              {lastSync ? `last sync ${lengthOf(now - Date.parse(lastSync))} ago` : 'never synced'}
              {waiting.since && waiting.count > 0 ? `, oldest ${lengthOf(now - Date.parse(waiting.since))}` : ''}
            </Text>
            <span className={classes.push}>
              <Button
                size="sm"
                variant="default"
                leftSection={<RefreshCw size={16} aria-hidden />}
                loading={sync.isPending}
                onClick={() => sync.mutate()}
                data-testid="sync-now"
              >
                Sync now
              </Button>
              <Button
                size="sm"
                variant="default"
                role="switch"
                aria-checked={online}
                leftSection={online ? <Wifi size={16} aria-hidden /> : <WifiOff size={16} aria-hidden />}
                loading={network.isPending}
                onClick={() => network.mutate(!online)}
                data-testid="network-toggle"
              >
                {online ? 'Network on' : 'Network off'}
              </Button>
            </span>
          </div>
        </div>
      </section>
      {(failure || lastSyncError) && (
        <section className={classes.notice} aria-label="Trouble">
          {failure ? (
            <Failure
              error={failure}
              title={sync.error ? 'The sync did not go through' : 'The network stays as it is'}
            />
          ) : (
            lastSyncError && (
              <Text size="sm" c="var(--mantine-color-error)" data-testid="sync-error">
                The last sync failed: {lastSyncError.message} ({lastSyncError.reason})
              </Text>
            )
          )}
        </section>
      )}
    </>
  )
}

import { Badge, Button, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { CalendarDays, CloudOff, Cloudy, RefreshCw, UserRound, Wifi, WifiOff } from 'lucide-react'
import { BusinessDate, lengthOf, useNow } from '#screens/age'
import { order } from '#screens/api'
import { TestMark } from '#screens/mode'
import { Money } from '#screens/money'
import { Failure } from '#screens/states'
import { SchemeToggle } from '#screens/theme'
import type { Till } from './answers.ts'
import { useSaid } from './said.ts'
import classes from './till.module.css'

/** What must never be out of sight: where this is, whether it is online, and how much it still owes to the centre. */
export const Bar = (props: {
  readonly till: Till
  readonly live: boolean
  readonly showDay: () => void
  readonly showPeople: () => void
}) => {
  const { till, live, showDay, showPeople } = props
  const said = useSaid()
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
  const speak = useMutation({
    mutationFn: (language: Till['language']) => order('/api/language', { language }),
    onSuccess: () => client.invalidateQueries(),
  })
  const other = till.language === 'en' ? 'de' : 'en'
  const { waiting, online, lastSync, lastSyncError } = till
  const failure = sync.error ?? network.error

  return (
    <>
      <section className={classes.bar} aria-label={said('thisTill')}>
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
                {till.day?.state === 'open' ? <BusinessDate date={till.day.businessDate} short /> : said('dayClosed')}
              </Button>
              <Button
                variant="default"
                onClick={showPeople}
                aria-label={till.people.cashier ? `${said('people')}: ${till.people.cashier.staff}` : said('people')}
                data-testid="people"
                px="sm"
              >
                <UserRound size={18} aria-hidden />
                {till.people.cashier?.staff}
              </Button>
              <Button variant="default" onClick={() => speak.mutate(other)} lang={other} data-testid="language" px="sm">
                {other.toUpperCase()}
              </Button>
              <SchemeToggle />
            </div>
          </div>
          <div className={classes.strip}>
            <TestMark mode={till.mode} says={said('testTill')} />
            {live ? (
              <Badge
                size="lg"
                variant="filled"
                color={online ? '#17693a' : '#8a4b00'}
                leftSection={online ? <Cloudy size={16} aria-hidden /> : <CloudOff size={16} aria-hidden />}
                data-testid="online"
                data-online={online}
              >
                {said(online ? 'online' : 'offline')}
              </Badge>
            ) : (
              // Whether a till that does not answer has a network, nobody knows.
              <Badge size="lg" variant="filled" color="#a32222" data-testid="not-live">
                {said('notAnswering')}
              </Badge>
            )}
            <span className={classes.waiting}>
              <b data-testid="waiting-count">{waiting.count}</b> {said('waiting')},
              <b data-testid="waiting-sum">
                <Money amount={waiting.sum} currency={till.currency} />
              </b>
            </span>
          </div>
          <div className={classes.tail}>
            <Text size="sm" c="dimmed" component="span" data-testid="last-sync">
              {lastSync
                ? `${said('lastSync')} ${lengthOf(now - Date.parse(lastSync))} ${said('ago')}`.trim()
                : said('neverSynced')}
              {waiting.since && waiting.count > 0
                ? `, ${said('oldest')} ${lengthOf(now - Date.parse(waiting.since))}`
                : ''}
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
                {said('syncNow')}
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
                {said(online ? 'networkOn' : 'networkOff')}
              </Button>
            </span>
          </div>
        </div>
      </section>
      {(failure || lastSyncError) && (
        <section className={classes.notice} aria-label={said('trouble')}>
          {failure ? (
            <Failure error={failure} title={said(sync.error ? 'syncNotThrough' : 'networkStays')} />
          ) : (
            lastSyncError && (
              <Text size="sm" c="var(--mantine-color-error)" data-testid="sync-error">
                {said('syncFailed')} {lastSyncError.message} ({lastSyncError.reason})
              </Text>
            )
          )}
        </section>
      )}
    </>
  )
}

import { Alert, Anchor, Group, Stack, Text } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { Ago, Instant } from '#screens/age'
import { writtenAmount } from '#screens/money'
import { Answered } from '#screens/states'
import { type Aged, type Shop, type Terminal, useAnswer } from './answers.ts'
import { Page } from './frame.tsx'
import classes from './office.module.css'
import { Quarantine } from './quarantine.tsx'
import { TerminalOrders } from './terminal-orders.tsx'
import { certificateWords, Standing, warnings } from './terminal-words.tsx'

/** One terminal: how it stands, what to look at, and what may be ordered of it. */
export const TerminalPage = () => {
  const { terminal } = useParams({ from: '/terminals/$terminal' })
  const query = useAnswer<Aged & Terminal>(`/api/terminals/${encodeURIComponent(terminal)}`)
  const shops = useAnswer<Aged & { readonly shops: readonly Shop[] }>('/api/shops')
  const nameOf = (shop: string) => shops.data?.shops.find(each => each.shop === shop)?.name
  return (
    <Page title={query.data?.label ?? terminal} answer={query.data} fetchedAt={query.dataUpdatedAt}>
      <Group gap="md">
        <Anchor component={Link} to="/terminals" size="sm">
          All terminals
        </Anchor>
        <Anchor component={Link} to={`/transactions?terminal=${encodeURIComponent(terminal)}`} size="sm">
          Its transactions
        </Anchor>
      </Group>
      <Answered query={query}>
        {each => (
          <>
            {warnings(each).map(warning => (
              <Alert
                key={warning}
                role="status"
                color="orange"
                variant="outline"
                icon={<TriangleAlert size={20} aria-hidden />}
                data-testid="terminal-warning"
              >
                <Text size="sm">{warning}</Text>
              </Alert>
            ))}
            <section className={classes.panel} aria-label="How it stands">
              <dl className={classes.facts}>
                <Fact name="State">
                  <Standing of={each} />
                  {each.because !== null && <Text size="sm">{each.because}</Text>}
                </Fact>
                <Fact name="Id">{each.terminal}</Fact>
                <Fact name="Shop">{nameOf(each.shop) ? `${nameOf(each.shop)} (${each.shop})` : each.shop}</Fact>
                <Fact name="Merchant">{each.merchant}</Fact>
                <Fact name="Last heard">{each.lastSeen === null ? 'never' : <Ago instant={each.lastSeen} />}</Fact>
                <Fact name="Waiting there">
                  {each.waiting === null
                    ? 'not known'
                    : `${each.waiting.count}, ${writtenAmount(each.waiting.sum)} ${each.waiting.currency}`}
                </Fact>
                <Fact name="Certificate">
                  {each.certificate === null ? (
                    'none'
                  ) : (
                    <>
                      <Instant instant={each.certificate.ends} /> ({certificateWords(each.certificate)})
                    </>
                  )}
                </Fact>
                <Fact name="Software">{each.software ?? 'not told'}</Fact>
                <Fact name="Policy, deny list, key set">
                  {[each.policyVersion, each.denyListVersion, each.keySetVersion].map(of => of ?? 'none').join(', ')}
                </Fact>
                <Fact name="Its log here, to revision">{each.revision}</Fact>
              </dl>
            </section>
            <Quarantine terminal={each.terminal} />
            <TerminalOrders of={each} shops={shops.data?.shops ?? []} />
          </>
        )}
      </Answered>
    </Page>
  )
}

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }) => (
  <Stack gap={0}>
    <Text component="dt" size="xs" c="dimmed">
      {name}
    </Text>
    <Text component="dd" size="sm" m={0} style={{ overflowWrap: 'anywhere' }}>
      {children}
    </Text>
  </Stack>
)

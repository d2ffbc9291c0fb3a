import { AppShell, Badge, Burger, Group, NavLink, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, Outlet, useLocation } from '@tanstack/react-router'
import {
  Briefcase,
  CircleUser,
  Hand,
  KeyRound,
  LayoutDashboard,
  type LucideIcon,
  PencilLine,
  Radar,
  Receipt,
  Scale,
  Store,
  TabletSmartphone,
  UserCheck,
} from 'lucide-react'
import { type ReactNode, useEffect } from 'react'
import { type Aged, Asked, AsOf } from '#screens/age'
import { useLive } from '#screens/live'
import { SchemeToggle } from '#screens/theme'
import { useApprovals } from './answers.ts'
import { Door, operatorsPlace, Who } from './door.tsx'
import { ModeMark } from './mode.tsx'
import classes from './office.module.css'
import { useWho } from './session.tsx'

const places: readonly { readonly to: string; readonly name: string; readonly icon: LucideIcon }[] = [
  { to: '/', name: 'Overview', icon: LayoutDashboard },
  { to: '/accounts', name: 'Accounts', icon: CircleUser },
  { to: '/transactions', name: 'Transactions', icon: Receipt },
  { to: '/approvals', name: 'Approvals', icon: UserCheck },
  { to: '/held', name: 'Held payments', icon: Hand },
  { to: '/shops', name: 'Shops', icon: Store },
  { to: '/merchants', name: 'Merchants', icon: Briefcase },
  { to: '/terminals', name: 'Terminals', icon: TabletSmartphone },
  { to: '/exposure', name: 'Exposure', icon: Radar },
  { to: '/adjustments', name: 'Adjustments', icon: PencilLine },
  { to: '/reconciliation', name: 'Reconciliation', icon: Scale },
  { to: '/authority', name: 'Authority', icon: KeyRound },
]

export const Frame = () => (
  <Door>
    <Pages />
  </Door>
)

const Pages = () => {
  const live = useLive(useWho().data?.operator != null)
  const [opened, { toggle, close }] = useDisclosure(false)
  const waiting = useApprovals().data?.waiting.length ?? 0
  const path = useLocation({ select: location => location.pathname })
  // Where one went is what one wants to see: the menu of a small screen gives way.
  useEffect(() => {
    if (path) close()
  }, [path, close])

  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding={{ base: 'sm', sm: 'lg' }}
    >
      <AppShell.Header className={classes.header ?? ''}>
        <Group gap={8} wrap="nowrap">
          <Burger
            opened={opened}
            onClick={toggle}
            hiddenFrom="sm"
            size="sm"
            aria-label={opened ? 'Close the menu' : 'Open the menu'}
            aria-expanded={opened}
            data-testid="menu"
          />
          <Text fw={700} size="lg">
            Tallystick
          </Text>
          <Text c="dimmed" visibleFrom="sm">
            Back office
          </Text>
          <ModeMark />
        </Group>
        <Group gap="sm" wrap="nowrap">
          <Badge
            variant="filled"
            color={live ? '#17693a' : '#8a4b00'}
            data-testid="live"
            data-live={live}
            title={live ? 'Figures move as events arrive' : 'Figures are asked for every 5 seconds'}
          >
            {/* Not "live": that is what a centre is which moves real money. */}
            {live ? 'Online' : 'Offline'}
          </Badge>
          <Who />
          <SchemeToggle />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Main">
        {[...places, operatorsPlace].map(({ to, name, icon: Icon }) => {
          const here = to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`)
          return (
            <NavLink
              key={to}
              component={Link}
              to={to}
              label={name}
              active={here}
              {...(here ? { 'aria-current': 'page' as const } : {})}
              rightSection={
                to === '/approvals' && waiting > 0 ? (
                  <Badge
                    size="sm"
                    variant="filled"
                    color="#8a4b00"
                    title="Waiting for a second person"
                    data-testid="approvals-count"
                  >
                    {waiting}
                  </Badge>
                ) : undefined
              }
              leftSection={<Icon size={18} aria-hidden />}
              className={classes.place ?? ''}
              data-testid={`nav-${name.toLowerCase().replace(' ', '-')}`}
            />
          )
        })}
      </AppShell.Navbar>
      <AppShell.Main>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  )
}

/** A page's title, how old its figures are, and what can be done there. */
export const Page = (props: {
  readonly title: string
  readonly answer?: Aged | undefined
  readonly fetchedAt?: number
  readonly actions?: ReactNode
  readonly children: ReactNode
}) => (
  <Stack gap="md" className={classes.page ?? ''}>
    <Group justify="space-between" align="flex-end" gap="sm">
      <div>
        <Title order={1} size="h2" style={{ overflowWrap: 'anywhere' }}>
          {props.title}
        </Title>
        {props.answer ? (
          <AsOf answer={props.answer} fetchedAt={props.fetchedAt ?? 0} />
        ) : props.fetchedAt ? (
          <Asked fetchedAt={props.fetchedAt} />
        ) : (
          <Text size="sm">&nbsp;</Text>
        )}
      </div>
      {props.actions}
    </Group>
    {props.children}
  </Stack>
)

export const NotFound = () => (
  <Page title="There is no such page">
    <Text>Choose one from the menu.</Text>
  </Page>
)

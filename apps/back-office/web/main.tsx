import { createRootRoute, createRoute, createRouter, lazyRouteComponent, RouterProvider } from '@tanstack/react-router'
import { PageFault } from '#screens/boundary'
import { Waiting } from '#screens/states'
import { show } from '#screens/theme'
import { Frame, NotFound } from './frame.tsx'
import { balanceSearch, reconciliationSearch, transactionSearch } from './search.ts'

const root = createRootRoute({ component: Frame })
const under = () => root

// Each page comes when it is first opened: the frame and its navigation do not wait for the lists.
const routeTree = root.addChildren([
  createRoute({
    getParentRoute: under,
    path: '/',
    component: lazyRouteComponent(() => import('./overview.tsx'), 'OverviewPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/accounts',
    component: lazyRouteComponent(() => import('./accounts.tsx'), 'AccountsPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/accounts/$account',
    validateSearch: balanceSearch,
    component: lazyRouteComponent(() => import('./account.tsx'), 'AccountPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/transactions',
    validateSearch: transactionSearch,
    component: lazyRouteComponent(() => import('./transactions.tsx'), 'TransactionsPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/transactions/$transaction',
    component: lazyRouteComponent(() => import('./transaction.tsx'), 'TransactionPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/held',
    component: lazyRouteComponent(() => import('./held.tsx'), 'HeldPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/merchants',
    component: lazyRouteComponent(() => import('./merchants.tsx'), 'MerchantsPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/merchants/$merchant',
    component: lazyRouteComponent(() => import('./merchants.tsx'), 'MerchantPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/approvals',
    component: lazyRouteComponent(() => import('./approvals.tsx'), 'ApprovalsPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/adjustments',
    component: lazyRouteComponent(() => import('./adjustments.tsx'), 'AdjustmentsPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/terminals',
    component: lazyRouteComponent(() => import('./terminals.tsx'), 'TerminalsPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/terminals/$terminal',
    component: lazyRouteComponent(() => import('./terminal.tsx'), 'TerminalPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/exposure',
    component: lazyRouteComponent(() => import('./exposure.tsx'), 'ExposurePage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/shops',
    component: lazyRouteComponent(() => import('./shops.tsx'), 'ShopsPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/reconciliation',
    validateSearch: reconciliationSearch,
    component: lazyRouteComponent(() => import('./reconciliation.tsx'), 'ReconciliationPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/authority',
    component: lazyRouteComponent(() => import('./authority.tsx'), 'AuthorityPage'),
  }),
  createRoute({
    getParentRoute: under,
    path: '/operators',
    component: lazyRouteComponent(() => import('./operators.tsx'), 'OperatorsPage'),
  }),
])

const router = createRouter({
  routeTree,
  defaultPreload: 'intent',
  defaultNotFoundComponent: NotFound,
  defaultPendingComponent: Waiting,
  defaultErrorComponent: PageFault,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}

show(<RouterProvider router={router} />)

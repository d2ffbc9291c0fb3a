import { Module, type Type } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { CqrsModule } from '@nestjs/cqrs'
import { doorway } from '#cqrs/bridge'
import { roleGuard, routesOf, type WhoAsks } from '#http/roles'
import { accountRoutes } from './api/accounts.ts'
import { adjustmentRoutes } from './api/adjustments.ts'
import { approvalRoutes } from './api/approvals.ts'
import type { Door } from './api/asking.ts'
import { authorityRoutes } from './api/authority.ts'
import { bookRoutes } from './api/book.ts'
import { boundRoutes } from './api/bounds.ts'
import { followerRoutes } from './api/followers.ts'
import { licenseRoutes } from './api/licenses.ts'
import { logRoutes } from './api/log.ts'
import { merchantRoutes } from './api/merchants.ts'
import { overviewRoutes } from './api/overview.ts'
import { paymentRoutes } from './api/payments.ts'
import { peopleRoutes } from './api/people.ts'
import { quarantineRoutes } from './api/quarantine.ts'
import { shopRoutes } from './api/shops.ts'
import { syncRoutes } from './api/sync.ts'
import { terminalRoutes } from './api/terminals.ts'
import type { BackOffice } from './back-office.ts'

/**
 * The centre's API, a file for each subject: the back office, the phones' licenses, and the terminals' sync. One
 * message a route. A route names the least role it takes by `@For`, or by `@Open` who asks without one; a command's
 * `by` comes from the request, by `@By()`.
 */

export const backOfficeModule = (
  node: BackOffice,
  whoAsks: WhoAsks,
  /** Routes beside the subjects': those of the door itself. */
  more: (door: Door) => readonly Type[] = () => [],
): Type => {
  const door = doorway()
  const beside = more(door)
  routesOf(beside)
  const controllers = [
    overviewRoutes,
    accountRoutes,
    peopleRoutes,
    paymentRoutes,
    bookRoutes,
    boundRoutes,
    adjustmentRoutes,
    approvalRoutes,
    merchantRoutes,
    shopRoutes,
    terminalRoutes,
    quarantineRoutes,
    licenseRoutes,
    authorityRoutes,
    followerRoutes,
    logRoutes,
    syncRoutes,
  ].map(routes => routes(node, door))
  routesOf(controllers)

  @Module({
    imports: [CqrsModule.forRoot()],
    controllers: [...controllers, ...beside],
    providers: [...door.handlers, { provide: APP_GUARD, useValue: roleGuard(whoAsks) }],
  })
  class BackOfficeModule {}
  return BackOfficeModule
}

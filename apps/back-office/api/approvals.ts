import { Controller, Get, type Type } from '@nestjs/common'
import { By, For } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'

/** What waits for a second person, all of it. It is approved where it was proposed. */
export const approvalRoutes = (node: BackOffice, door: Door): Type => {
  const Approvals = door.question('Approvals', ({ by }: { readonly by: string }) => node.approvals(by))

  @Controller('api/approvals')
  class ApprovalsController extends Asking {
    @For('viewer') @Get() list(@By() by: string) {
      return this.ask(new Approvals.Message({ by }))
    }
  }
  return ApprovalsController
}

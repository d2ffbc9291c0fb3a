import { Body, Controller, Get, Headers, HttpCode, Param, Post, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf, fieldOf } from '#http/refusals'
import { By, For } from '#http/roles'
import { parseAmount } from '#money'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { amountText, currency, id, reasonBody, reasonText } from './words.ts'

const boundBody = z.object({ proposal: id.optional(), currency, bound: amountText, reason: reasonText })

/** How much credit one person may give an account alone. */
export const boundRoutes = (node: BackOffice, door: Door): Type => {
  type By_ = { readonly by: string }
  const SetBound = door.order(
    'SetBound',
    async (asked: z.infer<typeof boundBody> & By_ & { readonly proposal: string }) => {
      const bound = parseAmount(asked.bound, asked.currency)
      return typeof bound === 'bigint' ? node.setBound({ ...asked, bound }) : bound
    },
  )
  const ApproveBound = door.order('ApproveBound', (asked: By_ & { readonly proposal: string }) =>
    node.approveBound(asked),
  )
  const RejectBound = door.order(
    'RejectBound',
    (asked: By_ & z.infer<typeof reasonBody> & { readonly proposal: string }) => node.rejectBound(asked),
  )
  const BoundList = door.question('BoundList', () => node.boundList())

  @Controller('api/credit-bounds')
  class BoundsController extends Asking {
    @For('viewer') @Get() list() {
      return this.ask(new BoundList.Message(undefined))
    }
    @For('administrator') @Post() @HttpCode(200) set(
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
      @By() by: string,
    ) {
      const asked = bodyOf(boundBody, body)
      const proposal = asked.proposal ?? fieldOf(id, key, 'proposal, or the header Idempotency-Key')
      return this.order(new SetBound.Message({ ...asked, proposal, by }))
    }
    @For('approver') @Post(':proposal/approve') @HttpCode(200) approve(
      @Param('proposal') proposal: string,
      @By() by: string,
    ) {
      return this.order(new ApproveBound.Message({ proposal, by }))
    }
    @For('clerk') @Post(':proposal/reject') @HttpCode(200) reject(
      @Param('proposal') proposal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new RejectBound.Message({ proposal, ...bodyOf(reasonBody, body), by }))
    }
  }
  return BoundsController
}

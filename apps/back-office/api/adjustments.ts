import { Body, Controller, Get, HttpCode, Param, Post, Query, type Type } from '@nestjs/common'
import { z } from 'zod'
import type { Line } from '#adjustment'
import { bodyOf } from '#http/refusals'
import { By, For } from '#http/roles'
import { isCurrency, parseAmount } from '#money'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { amountText, currency, id, reasonText } from './words.ts'

const line = z.object({
  account: z.string().min(1).max(200),
  side: z.enum(['debit', 'credit']),
  amount: amountText,
  currency,
})
const proposeBody = z.object({ adjustment: id.optional(), lines: z.array(line).max(100), reason: reasonText })
const rejectBody = z.object({ why: reasonText })
const listQuery = z.object({
  state: z.enum(['proposed', 'approved', 'rejected']).optional(),
  before: z.coerce.number().int().nonnegative().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
})

/** The book put right by hand. */
export const adjustmentRoutes = (node: BackOffice, door: Door): Type => {
  type By_ = { readonly by: string }
  const Propose = door.order('ProposeAdjustment', async (asked: z.infer<typeof proposeBody> & By_) => {
    const lines: Line[] = []
    for (const each of asked.lines) {
      const amount = isCurrency(each.currency) ? parseAmount(each.amount, each.currency) : 0n
      if (typeof amount !== 'bigint') return amount
      lines.push({ ...each, amount: amount.toString() })
    }
    return node.proposeAdjustment({ ...asked, lines })
  })
  const Approve = door.order('ApproveAdjustment', (asked: By_ & { readonly adjustment: string }) =>
    node.approveAdjustment(asked),
  )
  const Reject = door.order(
    'RejectAdjustment',
    (asked: z.infer<typeof rejectBody> & By_ & { readonly adjustment: string }) => node.rejectAdjustment(asked),
  )
  const Adjustments = door.question('Adjustments', (asked: z.infer<typeof listQuery>) => node.ask.adjustments(asked))

  @Controller('api/adjustments')
  class AdjustmentsController extends Asking {
    @For('viewer') @Get() list(@Query() query: unknown) {
      return this.ask(new Adjustments.Message(bodyOf(listQuery, query)))
    }
    @For('clerk') @Post() @HttpCode(201) propose(@Body() body: unknown, @By() by: string) {
      return this.order(new Propose.Message({ ...bodyOf(proposeBody, body), by }))
    }
    @For('approver') @Post(':adjustment/approve') @HttpCode(200) approve(
      @Param('adjustment') adjustment: string,
      @By() by: string,
    ) {
      return this.order(new Approve.Message({ adjustment, by }))
    }
    @For('clerk') @Post(':adjustment/reject') @HttpCode(200) reject(
      @Param('adjustment') adjustment: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new Reject.Message({ adjustment, ...bodyOf(rejectBody, body), by }))
    }
  }
  return AdjustmentsController
}

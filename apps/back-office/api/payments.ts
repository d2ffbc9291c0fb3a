import { Body, Controller, Get, HttpCode, Param, Post, Query, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf } from '#http/refusals'
import { For } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { id, reasonText } from './words.ts'

const decideBody = z.object({
  bears: z.enum(['payer', 'merchant', 'operator']),
  operators: z.tuple([id, id]),
  reason: reasonText,
})
const refuseBody = z.object({ operators: z.tuple([id, id]), why: reasonText })
const transactionsQuery = z.object({
  account: z.string().max(64).optional(),
  terminal: z.string().max(64).optional(),
  state: z.string().max(40).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  before: z.coerce.number().int().nonnegative().optional(),
})

/** What was paid, what was judged of it, and what two people decide. */
export const paymentRoutes = (node: BackOffice, door: Door): Type => {
  const DecideHeld = door.order('DecideHeld', (asked: z.infer<typeof decideBody> & { payment: string }) =>
    node.decideHeld(asked),
  )
  const RefuseReversal = door.order(
    'RefuseReversal',
    (asked: z.infer<typeof refuseBody> & { payment: string; reversal: string }) => node.refuseReversal(asked),
  )
  const Transactions = door.question('Transactions', async (asked: z.infer<typeof transactionsQuery>) =>
    node.ask.transactions(asked),
  )
  const Transaction = door.question('Transaction', async (transaction: string) => node.ask.transaction(transaction))

  @Controller('api')
  class PaymentsController extends Asking {
    @For('viewer') @Get('transactions') transactions(@Query() query: unknown) {
      return this.ask(new Transactions.Message(bodyOf(transactionsQuery, query)))
    }
    @For('viewer') @Get('transactions/:transaction') transaction(@Param('transaction') transaction: string) {
      return this.ask(new Transaction.Message(transaction))
    }
    @For('approver') @Post('payments/:payment/decide') @HttpCode(200) decide(
      @Param('payment') payment: string,
      @Body() body: unknown,
    ) {
      return this.order(new DecideHeld.Message({ payment, ...bodyOf(decideBody, body) }))
    }
    @For('approver') @Post('payments/:payment/reversals/:reversal/refuse') @HttpCode(200) refuse(
      @Param('payment') payment: string,
      @Param('reversal') reversal: string,
      @Body() body: unknown,
    ) {
      return this.order(new RefuseReversal.Message({ payment, reversal, ...bodyOf(refuseBody, body) }))
    }
  }
  return PaymentsController
}

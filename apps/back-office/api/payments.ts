import { Body, Controller, Get, HttpCode, Param, Post, Query, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf } from '#http/refusals'
import { By, For } from '#http/roles'
import { bears } from '#payment/events'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { id, reasonText } from './words.ts'

/** Whoever proposes may name the proposal, so that one whose answer was lost is not made twice. */
const decisionBody = z.object({ proposal: id.optional(), bears, reason: reasonText })
const reversalBody = z.object({
  proposal: id.optional(),
  /** What is to become of it. Who says nothing proposes to refuse it. */
  that: z.enum(['refused', 'released']).default('refused'),
  why: reasonText,
})
const withdrawBody = z.object({ why: reasonText })
const transactionsQuery = z.object({
  account: z.string().max(64).optional(),
  terminal: z.string().max(64).optional(),
  state: z.string().max(40).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  before: z.coerce.number().int().nonnegative().optional(),
})

/** What was paid, what was judged of it, and what two people decide. */
export const paymentRoutes = (node: BackOffice, door: Door): Type => {
  type Of = { readonly payment: string; readonly by: string }
  const ProposeDecision = door.order('ProposeDecision', (asked: z.infer<typeof decisionBody> & Of) =>
    node.proposeDecision(asked),
  )
  const ProposeRefusal = door.order(
    'ProposeRefusal',
    (asked: Omit<z.infer<typeof reversalBody>, 'that'> & Of & { readonly reversal: string }) =>
      node.proposeRefusal(asked),
  )
  const ProposeRelease = door.order(
    'ProposeRelease',
    (asked: Omit<z.infer<typeof reversalBody>, 'that'> & Of & { readonly reversal: string }) =>
      node.proposeRelease(asked),
  )
  const ApproveProposal = door.order('ApproveProposal', (asked: Of & { readonly proposal: string }) =>
    node.approveProposal(asked),
  )
  const WithdrawProposal = door.order(
    'WithdrawProposal',
    (asked: z.infer<typeof withdrawBody> & Of & { readonly proposal: string }) => node.withdrawProposal(asked),
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
    @For('clerk') @Post('payments/:payment/proposals') @HttpCode(201) propose(
      @Param('payment') payment: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new ProposeDecision.Message({ payment, ...bodyOf(decisionBody, body), by }))
    }
    @For('clerk') @Post('payments/:payment/reversals/:reversal/proposals') @HttpCode(201) proposeForReversal(
      @Param('payment') payment: string,
      @Param('reversal') reversal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      const { that, ...said } = bodyOf(reversalBody, body)
      const asked = { payment, reversal, ...said, by }
      return this.order(that === 'released' ? new ProposeRelease.Message(asked) : new ProposeRefusal.Message(asked))
    }
    @For('approver') @Post('payments/:payment/proposals/:proposal/approve') @HttpCode(200) approve(
      @Param('payment') payment: string,
      @Param('proposal') proposal: string,
      @By() by: string,
    ) {
      return this.order(new ApproveProposal.Message({ payment, proposal, by }))
    }
    @For('clerk') @Post('payments/:payment/proposals/:proposal/withdraw') @HttpCode(200) withdraw(
      @Param('payment') payment: string,
      @Param('proposal') proposal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new WithdrawProposal.Message({ payment, proposal, ...bodyOf(withdrawBody, body), by }))
    }
  }
  return PaymentsController
}

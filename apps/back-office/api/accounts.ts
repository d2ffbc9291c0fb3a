import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf, fieldOf } from '#http/refusals'
import { By, For } from '#http/roles'
import { type Amount, type AmountRefusal, parseAmount } from '#money'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { amountText, currency, id, reasonBody, reasonText } from './words.ts'

const accountBody = z.object({ account: id.optional(), limit: amountText, currency })
const repaymentBody = z.object({ repayment: id.optional(), amount: amountText, currency, source: id })
const limitBody = z.object({ proposal: id.optional(), limit: amountText, currency, reason: reasonText.optional() })
const termsBody = z.object({
  proposal: id.optional(),
  currency,
  creditCounts: z.boolean(),
  oversubscription: amountText.default('0'),
  reason: reasonText.optional(),
})
const payoutBody = z.object({ payout: id.optional(), amount: amountText, currency, source: id, reason: reasonText })
const returnBody = z.object({ proposal: id.optional(), reason: reasonText })
const recoveryBody = z.object({ recovery: id.optional(), amount: amountText, currency, source: id })
const writeOffBody = z.object({ writeOff: id.optional(), amount: amountText, currency, reason: reasonText })
const lostBody = z.object({ license: id.optional(), suspend: z.boolean().default(false), reason: reasonText })
const postingsQuery = z.object({
  before: z.coerce.number().int().nonnegative().optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
})
const balanceQuery = z.object({
  currency: currency.optional(),
  at: z.iso.datetime({ offset: true }).optional(),
  knownAt: z.coerce.number().int().nonnegative().optional(),
})

/** Accounts, what they owe, and what is paid back. */
export const accountRoutes = (node: BackOffice, door: Door): Type => {
  const OpenAccount = door.order('OpenAccount', async (asked: z.infer<typeof accountBody> & { by: string }) => {
    const limit = parseAmount(asked.limit, asked.currency)
    if (typeof limit !== 'bigint') return limit
    return node.openAccount({ ...asked, limit })
  })
  const ReceiveRepayment = door.order(
    'ReceiveRepayment',
    async (asked: z.infer<typeof repaymentBody> & { account: string; by: string }) => {
      const amount = parseAmount(asked.amount, asked.currency)
      if (typeof amount !== 'bigint') return amount
      return node.receiveRepayment({ ...asked, amount })
    },
  )
  type Of = { readonly account: string; readonly by: string }
  /** An order with an amount in it, read in its own currency; what is no amount goes back to whoever wrote it. */
  const amounting =
    <Body extends { readonly currency: string }, Name extends string, Answer>(
      field: Name,
      order: (asked: Omit<Body, Name> & { readonly [Key in Name]: Amount }) => Promise<Answer>,
    ) =>
    async (asked: Body & { readonly [Key in Name]: string }): Promise<Answer | AmountRefusal> => {
      const amount = parseAmount(asked[field], asked.currency)
      return typeof amount === 'bigint' ? order({ ...asked, [field]: amount }) : amount
    }
  const SetCreditLimit = door.order(
    'SetCreditLimit',
    amounting<z.infer<typeof limitBody> & Of, 'limit', unknown>('limit', node.setCreditLimit),
  )
  const SetAccountTerms = door.order(
    'SetAccountTerms',
    amounting<z.infer<typeof termsBody> & Of, 'oversubscription', unknown>('oversubscription', node.setAccountTerms),
  )
  const ProposePayout = door.order(
    'ProposePayout',
    amounting<z.infer<typeof payoutBody> & Of & { readonly payout: string }, 'amount', unknown>(
      'amount',
      node.proposePayout,
    ),
  )
  const RecoverDebt = door.order(
    'RecoverDebt',
    amounting<z.infer<typeof recoveryBody> & Of & { readonly recovery: string }, 'amount', unknown>(
      'amount',
      node.recoverDebt,
    ),
  )
  const ProposeWriteOff = door.order(
    'ProposeWriteOff',
    amounting<z.infer<typeof writeOffBody> & Of, 'amount', unknown>('amount', node.proposeWriteOff),
  )
  type Because = Of & z.infer<typeof reasonBody>
  const SuspendAccount = door.order('SuspendAccount', (asked: Because) => node.suspendAccount(asked))
  const ReinstateAccount = door.order('ReinstateAccount', (asked: Because) => node.reinstateAccount(asked))
  const BeginClosing = door.order('BeginClosing', (asked: Because) => node.beginClosing(asked))
  const CloseAccount = door.order('CloseAccount', (asked: Of) => node.closeAccount(asked))
  const ProposeReturn = door.order(
    'ProposeReturn',
    (asked: Of & z.infer<typeof returnBody> & { readonly repayment: string }) => node.proposeReturn(asked),
  )
  const ApproveAccountOrder = door.order('ApproveAccountOrder', (asked: Of & { readonly proposal: string }) =>
    node.approveAccountOrder(asked),
  )
  const RejectAccountOrder = door.order('RejectAccountOrder', (asked: Because & { readonly proposal: string }) =>
    node.rejectAccountOrder(asked),
  )
  const RejectWriteOff = door.order('RejectWriteOff', (asked: Because & { readonly writeOff: string }) =>
    node.rejectWriteOff(asked),
  )
  const ApproveWriteOff = door.order('ApproveWriteOff', (asked: Of & { readonly writeOff: string }) =>
    node.approveWriteOff(asked),
  )
  const LosePhone = door.order('LosePhone', (asked: Of & z.infer<typeof lostBody>) => node.loseLicense(asked))
  const Whereabouts = door.question('Whereabouts', (account: string) => node.whereabouts(account))
  const AccountPage = door.question('AccountPage', (account: string) => node.accountPage(account))
  const Holds = door.question('Holds', async (account: string) => node.ask.holds(account))
  const Accounts = door.question('Accounts', async () => node.ask.accounts())
  const Balance = door.question('Balance', async (asked: z.infer<typeof balanceQuery> & { account: string }) =>
    node.ask.balance(asked),
  )
  const Postings = door.question(
    'Postings',
    async ({ account, ...page }: z.infer<typeof postingsQuery> & { account: string }) =>
      node.ask.postings(account, page),
  )

  /** Needed only where it comes to a proposal. */
  const proposalOf = (key: unknown): string | undefined =>
    key === undefined ? undefined : fieldOf(id, key, 'the header Idempotency-Key')

  @Controller('api/accounts')
  class AccountsController extends Asking {
    @For('viewer') @Get() accounts() {
      return this.ask(new Accounts.Message(undefined))
    }
    @For('clerk') @Post() @HttpCode(201) openAccount(@Body() body: unknown, @By() by: string) {
      return this.order(new OpenAccount.Message({ ...bodyOf(accountBody, body), by }))
    }
    @For('viewer') @Get(':account/balance') balance(@Param('account') account: string, @Query() query: unknown) {
      return this.ask(new Balance.Message({ account, ...bodyOf(balanceQuery, query) }))
    }
    @For('viewer') @Get(':account/postings') postings(@Param('account') account: string, @Query() query: unknown) {
      return this.ask(new Postings.Message({ account, ...bodyOf(postingsQuery, query) }))
    }
    @For('viewer') @Get(':account') account(@Param('account') account: string) {
      return this.ask(new AccountPage.Message(account))
    }
    @For('viewer') @Get(':account/licenses') licenses(@Param('account') account: string) {
      return this.ask(new Holds.Message(account))
    }
    @For('clerk') @Post(':account/limit') @HttpCode(200) limit(
      @Param('account') account: string,
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
      @By() by: string,
    ) {
      const asked = bodyOf(limitBody, body)
      const proposal = asked.proposal ?? proposalOf(key)
      return this.order(new SetCreditLimit.Message({ account, ...asked, proposal, by }))
    }
    @For('approver') @Post(':account/terms') @HttpCode(200) terms(
      @Param('account') account: string,
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
      @By() by: string,
    ) {
      const asked = bodyOf(termsBody, body)
      const proposal = asked.proposal ?? proposalOf(key)
      return this.order(new SetAccountTerms.Message({ account, ...asked, proposal, by }))
    }
    @For('clerk') @Post(':account/suspend') @HttpCode(200) suspend(
      @Param('account') account: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new SuspendAccount.Message({ account, ...bodyOf(reasonBody, body), by }))
    }
    @For('approver') @Post(':account/reinstate') @HttpCode(200) reinstate(
      @Param('account') account: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new ReinstateAccount.Message({ account, ...bodyOf(reasonBody, body), by }))
    }
    @For('clerk') @Post(':account/closing') @HttpCode(200) beginClosing(
      @Param('account') account: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new BeginClosing.Message({ account, ...bodyOf(reasonBody, body), by }))
    }
    @For('clerk') @Post(':account/close') @HttpCode(200) close(@Param('account') account: string, @By() by: string) {
      return this.order(new CloseAccount.Message({ account, by }))
    }
    @For('clerk') @Post(':account/repayments/:repayment/return') @HttpCode(200) giveBack(
      @Param('account') account: string,
      @Param('repayment') repayment: string,
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
      @By() by: string,
    ) {
      const asked = bodyOf(returnBody, body)
      const proposal = asked.proposal ?? fieldOf(id, key, 'proposal, or the header Idempotency-Key')
      return this.order(new ProposeReturn.Message({ account, repayment, ...asked, proposal, by }))
    }
    @For('approver') @Post(':account/proposals/:proposal/approve') @HttpCode(200) approve(
      @Param('account') account: string,
      @Param('proposal') proposal: string,
      @By() by: string,
    ) {
      return this.order(new ApproveAccountOrder.Message({ account, proposal, by }))
    }
    @For('clerk') @Post(':account/proposals/:proposal/reject') @HttpCode(200) reject(
      @Param('account') account: string,
      @Param('proposal') proposal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new RejectAccountOrder.Message({ account, proposal, ...bodyOf(reasonBody, body), by }))
    }
    @For('clerk') @Post(':account/payouts') @HttpCode(201) payOut(
      @Param('account') account: string,
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
      @By() by: string,
    ) {
      const asked = bodyOf(payoutBody, body)
      const payout = asked.payout ?? fieldOf(id, key, 'payout, or the header Idempotency-Key')
      return this.order(new ProposePayout.Message({ account, ...asked, payout, by }))
    }
    @For('clerk') @Post(':account/recoveries') @HttpCode(201) recover(
      @Param('account') account: string,
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
      @By() by: string,
    ) {
      const asked = bodyOf(recoveryBody, body)
      const recovery = asked.recovery ?? fieldOf(id, key, 'recovery, or the header Idempotency-Key')
      return this.order(new RecoverDebt.Message({ account, ...asked, recovery, by }))
    }
    @For('clerk') @Post(':account/write-offs') @HttpCode(201) proposeWriteOff(
      @Param('account') account: string,
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
      @By() by: string,
    ) {
      const asked = bodyOf(writeOffBody, body)
      const writeOff = asked.writeOff ?? fieldOf(id, key, 'writeOff, or the header Idempotency-Key')
      return this.order(new ProposeWriteOff.Message({ account, ...asked, writeOff, by }))
    }
    @For('clerk') @Post(':account/write-offs/:writeOff/reject') @HttpCode(200) rejectWriteOff(
      @Param('account') account: string,
      @Param('writeOff') writeOff: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new RejectWriteOff.Message({ account, writeOff, ...bodyOf(reasonBody, body), by }))
    }
    @For('approver') @Post(':account/write-offs/:writeOff/approve') @HttpCode(200) approveWriteOff(
      @Param('account') account: string,
      @Param('writeOff') writeOff: string,
      @By() by: string,
    ) {
      return this.order(new ApproveWriteOff.Message({ account, writeOff, by }))
    }
    @For('clerk') @Post(':account/lost') @HttpCode(200) lose(
      @Param('account') account: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new LosePhone.Message({ account, ...bodyOf(lostBody, body), by }))
    }
    @For('viewer') @Get(':account/lost') whereabouts(@Param('account') account: string) {
      return this.ask(new Whereabouts.Message(account))
    }
    @For('clerk') @Post(':account/repayments') @HttpCode(201) repay(
      @Param('account') account: string,
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
      @By() by: string,
    ) {
      const asked = bodyOf(repaymentBody, body)
      // A repayment whose answer was lost is asked again: it must have a name of its own to be booked once.
      const repayment = asked.repayment ?? fieldOf(id, key, 'repayment, or the header Idempotency-Key')
      return this.order(new ReceiveRepayment.Message({ account, ...asked, repayment, by }))
    }
  }
  return AccountsController
}

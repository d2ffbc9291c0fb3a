import {
  Body,
  Controller,
  Get,
  Header,
  Headers,
  HttpCode,
  Inject,
  Module,
  Param,
  Post,
  Query,
  Req,
  Sse,
  StreamableFile,
  type Type,
} from '@nestjs/common'
import { CommandBus, CqrsModule, QueryBus } from '@nestjs/cqrs'
import { z } from 'zod'
import { doorway } from '#cqrs/bridge'
import { liveView } from '#http/live'
import { answered, bodyOf, fieldOf, Refused } from '#http/refusals'
import { isCurrency, parseAmount } from '#money'
import { batchBody } from '#sync/batch'
import { readTilePath } from '#transparency/tiles'
import type { BackOffice } from './back-office.ts'

/** The centre's API: the back office, the phones' licenses, and the terminals' sync. One message a route. */

const id = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'an id has 1 to 64 letters, digits, points, dashes or underscores')
const amountText = z.string().max(40)
const currency = z.string().refine(isCurrency, 'not an ISO 4217 code that is known here')
const basisPoints = z.int().min(0).max(10_000)
const words = z.string().min(1).max(120)

const merchantBody = z.object({
  merchant: id.optional(),
  name: words,
  currency,
  feeBasisPoints: basisPoints,
  taxBasisPoints: basisPoints,
})
const shopBody = z.object({ shop: id.optional(), merchant: id, name: words, zone: words })
const accountBody = z.object({ account: id.optional(), limit: amountText, currency })
const repaymentBody = z.object({ repayment: id.optional(), amount: amountText, currency, source: id })
const terminalBody = z.object({ terminal: id, shop: id })
const decideBody = z.object({
  bears: z.enum(['payer', 'merchant', 'operator']),
  operators: z.tuple([id, id]),
  reason: z.string().min(1).max(500),
})
const skipBody = z.object({ index: z.int().nonnegative(), event: z.uuid(), reason: z.string().min(1).max(500) })
const reasonBody = z.object({ reason: z.string().min(1).max(500) })
const refuseBody = z.object({ operators: z.tuple([id, id]), why: z.string().min(1).max(500) })
const octets = z.string().max(4096)
const licenseBody = z.object({ account: id, allowance: amountText, publicKey: octets, proof: octets })
const pairOfOctets = z.object({ p256: octets, ed25519: octets })
const enrolBody = z.object({ code: z.string().max(200), keys: pairOfOctets, proofs: pairOfOctets })

const balanceQuery = z.object({
  at: z.iso.datetime({ offset: true }).optional(),
  knownAt: z.coerce.number().int().nonnegative().optional(),
})
const transactionsQuery = z.object({
  account: z.string().max(64).optional(),
  terminal: z.string().max(64).optional(),
  state: z.string().max(40).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  before: z.coerce.number().int().nonnegative().optional(),
})

export const backOfficeModule = (node: BackOffice): Type => {
  const door = doorway()
  const by = 'operator:local'

  const OpenMerchant = door.order('OpenMerchant', (asked: z.infer<typeof merchantBody>) =>
    node.openMerchant({ ...asked, by }),
  )
  const OpenShop = door.order('OpenShop', (asked: z.infer<typeof shopBody>) => node.openShop({ ...asked, by }))
  const OpenAccount = door.order('OpenAccount', async (asked: z.infer<typeof accountBody>) => {
    const limit = parseAmount(asked.limit, asked.currency)
    if (typeof limit !== 'bigint') return limit
    return node.openAccount({ ...asked, limit, by })
  })
  const ReceiveRepayment = door.order(
    'ReceiveRepayment',
    async (asked: z.infer<typeof repaymentBody> & { account: string }) => {
      const amount = parseAmount(asked.amount, asked.currency)
      if (typeof amount !== 'bigint') return amount
      return node.receiveRepayment({ ...asked, amount, by })
    },
  )
  const InviteTerminal = door.order('InviteTerminal', (asked: z.infer<typeof terminalBody>) =>
    node.inviteTerminal({ ...asked, by }),
  )
  const DecideHeld = door.order('DecideHeld', (asked: z.infer<typeof decideBody> & { payment: string }) =>
    node.decideHeld(asked),
  )
  const RefuseReversal = door.order(
    'RefuseReversal',
    (asked: z.infer<typeof refuseBody> & { payment: string; reversal: string }) => node.refuseReversal(asked),
  )
  const SkipEvent = door.order('SkipEvent', (asked: z.infer<typeof skipBody> & { follower: string }) =>
    node.skipEvent({ ...asked, by }),
  )
  const RetryFollower = door.order('RetryFollower', (asked: z.infer<typeof reasonBody> & { follower: string }) =>
    node.retryFollower({ ...asked, by }),
  )
  const IssueLicense = door.order('IssueLicense', (asked: z.infer<typeof licenseBody>) => node.license(asked))
  const Enrol = door.order('Enrol', (asked: z.infer<typeof enrolBody>) => node.enrol(asked))
  const AcceptBatch = door.order(
    'AcceptBatch',
    ({ terminal, body }: { terminal: string; body: z.infer<typeof batchBody> }) => node.acceptBatch(terminal, body),
  )

  const BeginLogAnew = door.order('BeginLogAnew', (asked: z.infer<typeof reasonBody>) =>
    node.beginLogAnew({ ...asked, by }),
  )

  const Overview = door.question('Overview', async () => node.ask.overview())
  const Accounts = door.question('Accounts', async () => node.ask.accounts())
  const Balance = door.question('Balance', async (asked: z.infer<typeof balanceQuery> & { account: string }) =>
    node.ask.balance(asked),
  )
  const Postings = door.question('Postings', async (account: string) => node.ask.postings(account))
  const Transactions = door.question('Transactions', async (asked: z.infer<typeof transactionsQuery>) =>
    node.ask.transactions(asked),
  )
  const Transaction = door.question('Transaction', async (transaction: string) => node.ask.transaction(transaction))
  const Terminals = door.question('Terminals', async () => node.ask.terminals())
  const Merchants = door.question('Merchants', async () => node.ask.merchants())
  const Reconciliation = door.question('Reconciliation', async () => node.ask.reconciliation())
  const Exceptions = door.question('Exceptions', async () => node.ask.exceptions())
  const LogState = door.question('LogState', async () => {
    const { note: _, ...signed } = node.status().log
    return signed
  })
  const FollowerList = door.question('FollowerList', async () => ({ followers: node.status().followers }))
  const Rules = door.question('Rules', (terminal: string) => node.rulesFor(terminal))

  class Asking {
    constructor(
      @Inject(CommandBus) private readonly orders: CommandBus,
      @Inject(QueryBus) private readonly questions: QueryBus,
    ) {}
    protected async order<Answer>(message: object): Promise<Answer> {
      return answered<Answer>(await this.orders.execute(message))
    }
    protected async ask<Answer>(message: object): Promise<Answer> {
      return answered<Answer>(await this.questions.execute(message))
    }
  }

  @Controller('api')
  class BackOfficeController extends Asking {
    @Get('health') async health() {
      const { index, age_ms } = await node.ask.age()
      const { stopped, followers, log } = node.status()
      const { note: _, ...signed } = log
      const newer = await node.ask.newer()
      const isWell = stopped.length === 0 && !log.silence && !newer.some(({ money }) => money)
      return {
        status: isWell ? 'ok' : 'degraded',
        role: 'back-office',
        id: node.id,
        index,
        age_ms,
        stopped,
        followers,
        notUnderstood: newer,
        undelivered: await node.undelivered(),
        log: signed,
      }
    }
    @Sse('live') live() {
      return liveView(node.news)
    }
    @Get('overview') overview() {
      return this.ask(new Overview.Message(undefined))
    }
    @Get('accounts') accounts() {
      return this.ask(new Accounts.Message(undefined))
    }
    @Post('accounts') @HttpCode(201) openAccount(@Body() body: unknown) {
      return this.order(new OpenAccount.Message(bodyOf(accountBody, body)))
    }
    @Get('accounts/:account/balance') balance(@Param('account') account: string, @Query() query: unknown) {
      return this.ask(new Balance.Message({ account, ...bodyOf(balanceQuery, query) }))
    }
    @Get('accounts/:account/postings') postings(@Param('account') account: string) {
      return this.ask(new Postings.Message(account))
    }
    @Post('accounts/:account/repayments') @HttpCode(201) repay(
      @Param('account') account: string,
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
    ) {
      const asked = bodyOf(repaymentBody, body)
      // A repayment whose answer was lost is asked again: it must have a name of its own to be booked once.
      const repayment = asked.repayment ?? fieldOf(id, key, 'repayment, or the header Idempotency-Key')
      return this.order(new ReceiveRepayment.Message({ account, ...asked, repayment }))
    }
    @Get('transactions') transactions(@Query() query: unknown) {
      return this.ask(new Transactions.Message(bodyOf(transactionsQuery, query)))
    }
    @Get('transactions/:transaction') transaction(@Param('transaction') transaction: string) {
      return this.ask(new Transaction.Message(transaction))
    }
    @Post('payments/:payment/decide') @HttpCode(200) decide(@Param('payment') payment: string, @Body() body: unknown) {
      return this.order(new DecideHeld.Message({ payment, ...bodyOf(decideBody, body) }))
    }
    @Post('payments/:payment/reversals/:reversal/refuse') @HttpCode(200) refuse(
      @Param('payment') payment: string,
      @Param('reversal') reversal: string,
      @Body() body: unknown,
    ) {
      return this.order(new RefuseReversal.Message({ payment, reversal, ...bodyOf(refuseBody, body) }))
    }
    @Get('merchants') merchants() {
      return this.ask(new Merchants.Message(undefined))
    }
    @Post('merchants') @HttpCode(201) openMerchant(@Body() body: unknown) {
      return this.order(new OpenMerchant.Message(bodyOf(merchantBody, body)))
    }
    @Post('shops') @HttpCode(201) openShop(@Body() body: unknown) {
      return this.order(new OpenShop.Message(bodyOf(shopBody, body)))
    }
    @Get('terminals') terminals() {
      return this.ask(new Terminals.Message(undefined))
    }
    @Post('terminals') @HttpCode(201) invite(@Body() body: unknown) {
      return this.order(new InviteTerminal.Message(bodyOf(terminalBody, body)))
    }
    @Get('reconciliation') reconciliation() {
      return this.ask(new Reconciliation.Message(undefined))
    }
    @Get('exceptions') exceptions() {
      return this.ask(new Exceptions.Message(undefined))
    }
    @Get('followers') followers() {
      return this.ask(new FollowerList.Message(undefined))
    }
    @Post('followers/:follower/skip') @HttpCode(200) skip(@Param('follower') follower: string, @Body() body: unknown) {
      return this.order(new SkipEvent.Message({ follower, ...bodyOf(skipBody, body) }))
    }
    @Post('followers/:follower/retry') @HttpCode(200) retry(
      @Param('follower') follower: string,
      @Body() body: unknown,
    ) {
      return this.order(new RetryFollower.Message({ follower, ...bodyOf(reasonBody, body) }))
    }
    @Post('licenses') @HttpCode(201) license(@Body() body: unknown) {
      return this.order(new IssueLicense.Message(bodyOf(licenseBody, body)))
    }
  }

  /** The signed log, as C2SP `tlog-tiles` has it: whoever asks may check that it only grows. */
  @Controller('api/log')
  class LogController extends Asking {
    @Get('checkpoint') @Header('content-type', 'text/plain; charset=utf-8') checkpoint(): string {
      const { note } = node.signing.state()
      const message = 'Nothing of this log was signed yet: ask again in a moment.'
      return answered<string>(note ?? { reason: 'CheckpointUnknown', message })
    }
    @Get('tile/*') async tile(@Req() { url }: { readonly url: string }): Promise<StreamableFile> {
      const name = readTilePath(url.split('/tile/')[1] ?? '')
      const octets = name && (await node.signing.tile(name))
      if (octets) return new StreamableFile(octets, { type: 'application/octet-stream' })
      throw new Refused({ reason: 'TileUnknown', message: `There is no tile at ${url} under the newest checkpoint.` })
    }
    @Get('state') state() {
      return this.ask(new LogState.Message(undefined))
    }
    @Post('origins') @HttpCode(201) beginAnew(@Body() body: unknown) {
      return this.order(new BeginLogAnew.Message(bodyOf(reasonBody, body)))
    }
  }

  @Controller('sync/v1')
  class SyncController extends Asking {
    @Post('enrolments') @HttpCode(201) enrol(@Body() body: unknown) {
      return this.order(new Enrol.Message(bodyOf(enrolBody, body)))
    }
    @Post('terminals/:terminal/batches') @HttpCode(200) batch(
      @Param('terminal') terminal: string,
      @Body() body: unknown,
    ) {
      return this.order(new AcceptBatch.Message({ terminal, body: bodyOf(batchBody, body) }))
    }
    @Get('terminals/:terminal/rules') rules(@Param('terminal') terminal: string) {
      return this.ask(new Rules.Message(terminal))
    }
  }

  @Module({
    imports: [CqrsModule.forRoot()],
    controllers: [BackOfficeController, LogController, SyncController],
    providers: door.handlers,
  })
  class BackOfficeModule {}
  return BackOfficeModule
}

import { Body, Controller, Get, Headers, HttpCode, Inject, Module, Param, Post, Sse, type Type } from '@nestjs/common'
import { CommandBus, CqrsModule, QueryBus } from '@nestjs/cqrs'
import { z } from 'zod'
import { isRefusal, type Refusal } from '#canonical/decider'
import { uuid7 } from '#canonical/ids'
import { doorway } from '#cqrs/bridge'
import { liveView } from '#http/live'
import { answered as asAnswered, bodyOf, fieldOf } from '#http/refusals'
import { formatAmount, parseAmount } from '#money'
import type { TillEvent } from '#till/events'
import type { Recorded } from '#till/state'
import type { SaleView } from './desk.ts'
import { shopController } from './shop-api.ts'
import type { Terminal } from './terminal.ts'
import { saleAnswer as saleInWords, spokenReason, views } from './views.ts'

/** The cashier's API. Each route parses, sends one message through a bus, and answers. */

const saleBody = z.object({
  amount: z.string().max(40),
  currency: z.string().max(3),
  reference: z.string().min(1).max(120).optional(),
})
const networkBody = z.object({ online: z.boolean() })
const dayBody = z.object({ businessDate: z.iso.date().optional() })
const refundBody = z.object({ amount: z.string().max(40), reversal: z.string().min(1).max(120).optional() })
const voidBody = z.object({ reversal: z.string().min(1).max(120).optional() })
const idempotencyKey = z.string().min(1).max(120).optional()

const eventOf = <Name extends TillEvent['type']>(answer: unknown, type: Name) =>
  (answer as readonly TillEvent[]).find((event): event is Extract<TillEvent, { type: Name }> => event.type === type)

export const terminalModule = (node: Terminal): Type => {
  const door = doorway()
  const view = views(node)
  const currency = () => node.status().currency
  const saleAnswer = (sale: SaleView) => saleInWords(sale, node.paper.language())
  /** A refusal leaves in the till's language, with what to do; its reason stays its reason. */
  const answered = <Answer>(answer: Answer | Refusal): Answer =>
    asAnswered<Answer>(
      typeof answer === 'object' && answer !== null && isRefusal(answer)
        ? { ...answer, ...spokenReason(answer, currency(), node.paper.language()) }
        : answer,
    )
  const mint = () => uuid7(node.status().now_ms, crypto.getRandomValues(new Uint8Array(16)))

  const StartSale = door.order(
    'StartSale',
    async (asked: { body: z.infer<typeof saleBody>; key: string | undefined }) => {
      const { body, key } = asked
      const amount = parseAmount(body.amount, body.currency)
      if (typeof amount !== 'bigint') return amount
      await node.rollOverIfDue()
      const sale = node.startSale(amount, body.currency, body.reference, key)
      return sale
    },
  )
  const CancelSale = door.order('CancelSale', (sale: string) => node.cancelSale(sale))
  const ResumeSale = door.order('ResumeSale', async (sale: string) => node.resumeSale(sale))
  const SetNetwork = door.order('SetNetwork', async (online: boolean) => {
    node.setNetwork(online)
    return { online }
  })
  const SyncNow = door.order('SyncNow', async () => {
    const answer = await node.syncNow()
    return isRefusal(answer) ? answer : { ...answer, waiting: view.health().waiting }
  })
  const OpenDay = door.order('OpenDay', async (businessDate: string | undefined) => {
    const answer = await node.openDay(businessDate)
    return isRefusal(answer) ? answer : view.report()
  })
  const CloseDay = door.order('CloseDay', async () => {
    const answer = await node.closeDay()
    if (isRefusal(answer)) return answer
    const closed = eventOf(answer, 'DayClosed')?.data
    if (!closed) throw new Error('The day closed without its totals')
    return view.closing(closed, false)
  })
  const reversed = (
    answer: Awaited<ReturnType<Terminal['voidTransaction']>>,
    reversal: string,
    transaction: string,
  ) => {
    if (isRefusal(answer)) return answer
    const held = node.recorded(transaction) as Recorded
    return {
      reversal,
      transaction,
      reversed: formatAmount(held.reversed, held.currency),
      currency: held.currency,
      state: 'recorded, to be confirmed',
    }
  }
  const VoidTransaction = door.order(
    'VoidTransaction',
    async (asked: { transaction: string; reversal?: string | undefined }) => {
      const reversal = asked.reversal ?? mint()
      return reversed(await node.voidTransaction(reversal, asked.transaction), reversal, asked.transaction)
    },
  )
  const RefundTransaction = door.order(
    'RefundTransaction',
    async (asked: { transaction: string; amount: string; reversal?: string | undefined }) => {
      const held = node.recorded(asked.transaction)
      const amount = parseAmount(asked.amount, held?.currency ?? currency())
      if (typeof amount !== 'bigint') return amount
      const reversal = asked.reversal ?? mint()
      return reversed(await node.refundTransaction(reversal, asked.transaction, amount), reversal, asked.transaction)
    },
  )
  const Till = door.question('Till', async () => view.till())
  const SaleAt = door.question('Sale', async (sale: string) => view.sale(sale))
  const Transactions = door.question('Transactions', async () => view.transactions())
  const DayReport = door.question(
    'DayReport',
    async () => view.report() ?? { reason: 'DayNotOpen', message: 'No day is open, so there is no report.' },
  )

  const LastReport = door.question('LastReport', async () => ({ last: view.lastReport() }))

  @Controller('api')
  class CashierController {
    constructor(
      @Inject(CommandBus) private readonly orders: CommandBus,
      @Inject(QueryBus) private readonly questions: QueryBus,
    ) {}

    @Get('health') health() {
      return view.health()
    }
    @Sse('live') live() {
      return liveView(node.news)
    }
    @Get('till') async till() {
      return answered(await this.questions.execute(new Till.Message(undefined)))
    }
    @Get('transactions') async transactions() {
      return answered(await this.questions.execute(new Transactions.Message(undefined)))
    }
    @Post('sales') @HttpCode(201) async startSale(@Body() body: unknown, @Headers('idempotency-key') key: unknown) {
      const asked = { body: bodyOf(saleBody, body), key: fieldOf(idempotencyKey, key, 'Idempotency-Key') }
      return saleAnswer(answered(await this.orders.execute(new StartSale.Message(asked))))
    }
    @Get('sales/:sale') async sale(@Param('sale') sale: string) {
      return saleAnswer(answered(await this.questions.execute(new SaleAt.Message(sale))))
    }
    @Post('sales/:sale/cancel') @HttpCode(200) async cancel(@Param('sale') sale: string) {
      return saleAnswer(answered(await this.orders.execute(new CancelSale.Message(sale))))
    }
    @Post('sales/:sale/resume') @HttpCode(200) async resume(@Param('sale') sale: string) {
      return saleAnswer(answered(await this.orders.execute(new ResumeSale.Message(sale))))
    }
    @Post('network') @HttpCode(200) async network(@Body() body: unknown) {
      return answered(await this.orders.execute(new SetNetwork.Message(bodyOf(networkBody, body).online)))
    }
    @Post('sync') @HttpCode(200) async sync() {
      return answered(await this.orders.execute(new SyncNow.Message(undefined)))
    }
    @Post('day/open') @HttpCode(200) async openDay(@Body() body: unknown) {
      return answered(await this.orders.execute(new OpenDay.Message(bodyOf(dayBody, body).businessDate)))
    }
    @Post('day/close') @HttpCode(200) async closeDay() {
      return answered(await this.orders.execute(new CloseDay.Message(undefined)))
    }
    @Get('day/last') async lastDay() {
      return answered(await this.questions.execute(new LastReport.Message(undefined)))
    }
    @Get('day') async day() {
      return answered(await this.questions.execute(new DayReport.Message(undefined)))
    }
    @Post('transactions/:transaction/void') @HttpCode(201) async void(
      @Param('transaction') transaction: string,
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
    ) {
      const asked = {
        transaction,
        reversal: fieldOf(idempotencyKey, key, 'Idempotency-Key'),
        ...bodyOf(voidBody, body),
      }
      return answered(await this.orders.execute(new VoidTransaction.Message(asked)))
    }
    @Post('transactions/:transaction/refunds') @HttpCode(201) async refund(
      @Param('transaction') transaction: string,
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
    ) {
      const asked = {
        transaction,
        reversal: fieldOf(idempotencyKey, key, 'Idempotency-Key'),
        ...bodyOf(refundBody, body),
      }
      return answered(await this.orders.execute(new RefundTransaction.Message(asked)))
    }
  }

  const ShopController = shopController({ node, door, answered, saleAnswer, mint })

  @Module({
    imports: [CqrsModule.forRoot()],
    controllers: [CashierController, ShopController],
    providers: door.handlers,
  })
  class TerminalModule {}
  return TerminalModule
}

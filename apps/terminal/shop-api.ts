import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, type Type } from '@nestjs/common'
import { CommandBus, QueryBus } from '@nestjs/cqrs'
import { z } from 'zod'
import { isRefusal, type Refusal } from '#canonical/decider'
import type { doorway } from '#cqrs/bridge'
import { bodyOf, fieldOf } from '#http/refusals'
import { formatAmount, parseAmount } from '#money'
import { languages } from '#till/language'
import { reversalUnknown } from '#till/receipts'
import type { SaleView } from './desk.ts'
import type { Terminal } from './terminal.ts'

/** The shop around the sale: who works here, what a supervisor lets pass, what is printed, and in which language. */

const number = z.string().regex(/^[0-9]{1,6}$/, 'a number of staff is one to six digits')
const pin = z.string().max(20)
const approval = z.object({ staff: number, pin })
const staffBody = z.object({
  staff: number,
  name: z.string().max(60).default(''),
  role: z.enum(['cashier', 'supervisor']),
  pin,
  by: approval.optional(),
})
const dismissBody = z.object({ by: approval })
const signOnBody = z.object({ cashier: number, pin })
const overrideBody = z.object({ supervisor: number, pin })
const languageBody = z.object({ language: z.enum(languages) })
const receiptBody = z.object({ receipt: z.string().min(1).max(4096) })
const refundBody = z.object({
  receipt: z.string().min(1).max(4096),
  amount: z.string().max(40),
  reversal: z.string().min(1).max(120).optional(),
})
const reversalId = z.string().min(1).max(120)
const idempotencyKey = z.string().min(1).max(120).optional()

type Parts = {
  readonly node: Terminal
  readonly door: ReturnType<typeof doorway>
  readonly answered: <Answer>(answer: Answer | Refusal) => Answer
  readonly saleAnswer: (sale: SaleView) => object
  readonly mint: () => string
}

export const shopController = ({ node, door, answered, saleAnswer, mint }: Parts): Type => {
  const { people, paper } = node

  /** What a receipt says, and how much of it can still be given back as far as this till knows. */
  const readReceipt = (code: string) => {
    const found = paper.read(code)
    if (isRefusal(found)) return found
    const { transaction, terminal, receiptNumber, amount, currency, occurred, payment } = found
    const own = node.recorded(transaction)
    const back = own ? own.reversed : paper.givenBackHere(found)
    return {
      transaction,
      terminal,
      receiptNumber,
      occurred,
      payment,
      currency,
      amount: formatAmount(amount, currency),
      left: formatAmount(amount - back, currency),
    }
  }
  const receiptOf = (transaction: string) => {
    const recorded = node.recorded(transaction)
    return recorded
      ? paper.receipt(recorded)
      : {
          reason: 'TransactionUnknown',
          message: `Transaction ${transaction} is not in this terminal's log: look for it on the terminal that took it.`,
        }
  }

  const People = door.question('People', async () => people.list())
  const Receipt = door.question('Receipt', async (transaction: string) => receiptOf(transaction))
  const ReadReceipt = door.question('ReadReceipt', async (code: string) => readReceipt(code))
  const SetLanguage = door.order('SetLanguage', async (language: (typeof languages)[number]) => {
    paper.setLanguage(language)
    return { language }
  })
  const Appoint = door.order('AppointStaff', (asked: z.infer<typeof staffBody>) => people.appoint(asked))
  const Dismiss = door.order('DismissStaff', (asked: { staff: string; by: z.infer<typeof approval> }) =>
    people.dismiss(asked.staff, asked.by),
  )
  const SignOn = door.order('SignOn', (asked: z.infer<typeof signOnBody>) => people.signOn(asked.cashier, asked.pin))
  const SignOff = door.order('SignOff', () => people.signOff())
  const Override = door.order('OverrideSale', (asked: { sale: string; supervisor: string; pin: string }) =>
    node.overrideSale(asked.sale, { staff: asked.supervisor, pin: asked.pin }),
  )
  const Reprint = door.order('ReprintReceipt', async (transaction: string) => {
    const answer = await node.reprintReceipt(transaction)
    return isRefusal(answer) ? answer : receiptOf(transaction)
  })
  const reversalReceiptOf = (reversal: string) => {
    const reversing = node.reversal(reversal)
    return reversing ? paper.reversal(reversing) : reversalUnknown(reversal)
  }
  const ReversalReceipt = door.question('ReversalReceipt', async (reversal: string) => reversalReceiptOf(reversal))
  const ReprintReversal = door.order('ReprintReversal', async (reversal: string) => {
    const answer = await node.reprintReversal(reversal)
    return isRefusal(answer) ? answer : reversalReceiptOf(reversal)
  })
  const RefundByReceipt = door.order('RefundByReceipt', async (asked: z.infer<typeof refundBody>) => {
    const found = paper.read(asked.receipt)
    if (isRefusal(found)) return found
    const amount = parseAmount(asked.amount, found.currency)
    if (typeof amount !== 'bigint') return amount
    const reversal = asked.reversal ?? mint()
    const { transaction, occurred: _, ...original } = found
    const answer = await node.refundTransaction(reversal, transaction, amount, original)
    if (isRefusal(answer)) return answer
    const left = readReceipt(asked.receipt)
    const rest = isRefusal(left) ? {} : { left: left.left }
    return { reversal, transaction, currency: found.currency, ...rest, state: 'recorded, to be confirmed' }
  })

  @Controller('api')
  class ShopController {
    constructor(
      @Inject(CommandBus) private readonly orders: CommandBus,
      @Inject(QueryBus) private readonly questions: QueryBus,
    ) {}

    @Get('staff') async staff() {
      return answered(await this.questions.execute(new People.Message(undefined)))
    }
    @Post('staff') @HttpCode(200) async appoint(@Body() body: unknown) {
      return answered(await this.orders.execute(new Appoint.Message(bodyOf(staffBody, body))))
    }
    @Post('staff/:staff/dismiss') @HttpCode(200) async dismiss(@Param('staff') staff: string, @Body() body: unknown) {
      const asked = { staff: fieldOf(number, staff, 'staff'), ...bodyOf(dismissBody, body) }
      return answered(await this.orders.execute(new Dismiss.Message(asked)))
    }
    @Post('sign-on') @HttpCode(200) async signOn(@Body() body: unknown) {
      return answered(await this.orders.execute(new SignOn.Message(bodyOf(signOnBody, body))))
    }
    @Post('sign-off') @HttpCode(200) async signOff() {
      return answered(await this.orders.execute(new SignOff.Message(undefined)))
    }
    @Post('sales/:sale/override') @HttpCode(200) async override(@Param('sale') sale: string, @Body() body: unknown) {
      const asked = { sale, ...bodyOf(overrideBody, body) }
      return saleAnswer(answered(await this.orders.execute(new Override.Message(asked))))
    }
    @Post('language') @HttpCode(200) async language(@Body() body: unknown) {
      return answered(await this.orders.execute(new SetLanguage.Message(bodyOf(languageBody, body).language)))
    }
    @Get('transactions/:transaction/receipt') async receipt(@Param('transaction') transaction: string) {
      return answered(await this.questions.execute(new Receipt.Message(transaction)))
    }
    @Post('transactions/:transaction/reprint') @HttpCode(201) async reprint(@Param('transaction') transaction: string) {
      return answered(await this.orders.execute(new Reprint.Message(transaction)))
    }
    @Get('reversals/:reversal/receipt') async reversalReceipt(@Param('reversal') reversal: string) {
      return answered(
        await this.questions.execute(new ReversalReceipt.Message(fieldOf(reversalId, reversal, 'reversal'))),
      )
    }
    @Post('reversals/:reversal/reprint') @HttpCode(201) async reprintReversal(@Param('reversal') reversal: string) {
      return answered(await this.orders.execute(new ReprintReversal.Message(fieldOf(reversalId, reversal, 'reversal'))))
    }
    @Post('receipts/read') @HttpCode(200) async read(@Body() body: unknown) {
      return answered(await this.questions.execute(new ReadReceipt.Message(bodyOf(receiptBody, body).receipt)))
    }
    @Post('refunds') @HttpCode(201) async refund(@Body() body: unknown, @Headers('idempotency-key') key: unknown) {
      const given = fieldOf(idempotencyKey, key, 'Idempotency-Key')
      const asked = bodyOf(refundBody, body)
      const reversal = asked.reversal ?? given
      return answered(
        await this.orders.execute(new RefundByReceipt.Message({ ...asked, ...(reversal ? { reversal } : {}) })),
      )
    }
  }
  return ShopController
}

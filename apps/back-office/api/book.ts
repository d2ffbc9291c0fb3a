import { Controller, Get, Param, Query, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf } from '#http/refusals'
import { For } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { currency } from './words.ts'

const index = z.coerce.number().int().nonnegative()
const explainQuery = z.object({
  currency: currency.optional(),
  at: z.iso.datetime({ offset: true }).optional(),
  knownAt: index.optional(),
  before: index.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
})
type Asked = z.infer<typeof explainQuery>

/** The book: every posting behind a figure. */
export const bookRoutes = (node: BackOffice, door: Door): Type => {
  const ExplainBalance = door.question('ExplainBalance', ({ account, ...asked }: Asked & { account: string }) =>
    node.ask.explain(account, asked),
  )
  const ExplainLedger = door.question('ExplainLedger', ({ ledger, ...asked }: Asked & { ledger: string }) =>
    node.ask.explainLedger(ledger, asked),
  )

  @Controller('api')
  class BookController extends Asking {
    @For('viewer') @Get('accounts/:account/explain') account(
      @Param('account') account: string,
      @Query() query: unknown,
    ) {
      return this.ask(new ExplainBalance.Message({ account, ...bodyOf(explainQuery, query) }))
    }
    @For('viewer') @Get('merchants/:merchant/explain') merchant(
      @Param('merchant') merchant: string,
      @Query() query: unknown,
    ) {
      return this.ask(new ExplainLedger.Message({ ledger: `merchant:${merchant}`, ...bodyOf(explainQuery, query) }))
    }
    @For('viewer') @Get('ledger/:ledger/explain') ledger(@Param('ledger') ledger: string, @Query() query: unknown) {
      return this.ask(new ExplainLedger.Message({ ledger, ...bodyOf(explainQuery, query) }))
    }
  }
  return BookController
}

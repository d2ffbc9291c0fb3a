import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf, fieldOf } from '#http/refusals'
import { By, For } from '#http/roles'
import { parseAmount } from '#money'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { amountText, currency, id } from './words.ts'

const accountBody = z.object({ account: id.optional(), limit: amountText, currency })
const repaymentBody = z.object({ repayment: id.optional(), amount: amountText, currency, source: id })
const balanceQuery = z.object({
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
  const Accounts = door.question('Accounts', async () => node.ask.accounts())
  const Balance = door.question('Balance', async (asked: z.infer<typeof balanceQuery> & { account: string }) =>
    node.ask.balance(asked),
  )
  const Postings = door.question('Postings', async (account: string) => node.ask.postings(account))

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
    @For('viewer') @Get(':account/postings') postings(@Param('account') account: string) {
      return this.ask(new Postings.Message(account))
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

import { Body, Controller, Get, Headers, HttpCode, Param, Post, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf, fieldOf } from '#http/refusals'
import { By, For } from '#http/roles'
import { parseAmount } from '#money'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { amountText, currency, id, words } from './words.ts'

const basisPoints = z.int().min(0).max(10_000)
const merchantBody = z.object({
  merchant: id.optional(),
  name: words,
  currency,
  feeBasisPoints: basisPoints,
  taxBasisPoints: basisPoints,
})

const termsBody = z.object({
  feeBasisPoints: basisPoints,
  taxBasisPoints: basisPoints,
  returnsFee: z.boolean(),
  owesAfterDays: z.int().min(0).max(3650).optional(),
})
const payInBody = z.object({ paidIn: id.optional(), amount: amountText, currency, source: id })

/** Merchants, their terms, and what they pay in. */
export const merchantRoutes = (node: BackOffice, door: Door): Type => {
  const OpenMerchant = door.order('OpenMerchant', (asked: z.infer<typeof merchantBody> & { by: string }) =>
    node.openMerchant(asked),
  )
  const SetMerchantTerms = door.order(
    'SetMerchantTerms',
    (asked: z.infer<typeof termsBody> & { merchant: string; by: string }) => node.setMerchantTerms(asked),
  )
  const PayIn = door.order('PayIn', async (asked: z.infer<typeof payInBody> & { merchant: string; by: string }) => {
    const amount = parseAmount(asked.amount, asked.currency)
    if (typeof amount !== 'bigint') return amount
    return node.payIn({ ...asked, amount })
  })
  const Merchants = door.question('Merchants', async () => node.ask.merchants())

  @Controller('api/merchants')
  class MerchantsController extends Asking {
    @For('viewer') @Get() merchants() {
      return this.ask(new Merchants.Message(undefined))
    }
    @For('clerk') @Post() @HttpCode(201) openMerchant(@Body() body: unknown, @By() by: string) {
      return this.order(new OpenMerchant.Message({ ...bodyOf(merchantBody, body), by }))
    }
    @For('approver') @Post(':merchant/terms') @HttpCode(200) setTerms(
      @Param('merchant') merchant: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new SetMerchantTerms.Message({ merchant, ...bodyOf(termsBody, body), by }))
    }
    @For('clerk') @Post(':merchant/payments') @HttpCode(201) payIn(
      @Param('merchant') merchant: string,
      @Body() body: unknown,
      @Headers('idempotency-key') key: unknown,
      @By() by: string,
    ) {
      const asked = bodyOf(payInBody, body)
      // One whose answer was lost is asked again: it must have a name of its own to be booked once.
      const paidIn = asked.paidIn ?? fieldOf(id, key, 'paidIn, or the header Idempotency-Key')
      return this.order(new PayIn.Message({ merchant, ...asked, paidIn, by }))
    }
  }
  return MerchantsController
}

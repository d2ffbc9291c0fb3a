import { Body, Controller, Get, HttpCode, Post, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf } from '#http/refusals'
import { By, For } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { currency, id, words } from './words.ts'

const basisPoints = z.int().min(0).max(10_000)
const merchantBody = z.object({
  merchant: id.optional(),
  name: words,
  currency,
  feeBasisPoints: basisPoints,
  taxBasisPoints: basisPoints,
})

/** Merchants and their terms. */
export const merchantRoutes = (node: BackOffice, door: Door): Type => {
  const OpenMerchant = door.order('OpenMerchant', (asked: z.infer<typeof merchantBody> & { by: string }) =>
    node.openMerchant(asked),
  )
  const Merchants = door.question('Merchants', async () => node.ask.merchants())

  @Controller('api/merchants')
  class MerchantsController extends Asking {
    @For('viewer') @Get() merchants() {
      return this.ask(new Merchants.Message(undefined))
    }
    @For('clerk') @Post() @HttpCode(201) openMerchant(@Body() body: unknown, @By() by: string) {
      return this.order(new OpenMerchant.Message({ ...bodyOf(merchantBody, body), by }))
    }
  }
  return MerchantsController
}

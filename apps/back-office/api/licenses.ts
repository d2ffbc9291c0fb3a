import { Body, Controller, HttpCode, Post, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf } from '#http/refusals'
import { Open } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { amountText, id, octets } from './words.ts'

const licenseBody = z.object({ account: id, allowance: amountText, publicKey: octets, proof: octets })

/** What phones ask of the authority. */
export const licenseRoutes = (node: BackOffice, door: Door): Type => {
  const IssueLicense = door.order('IssueLicense', (asked: z.infer<typeof licenseBody>) => node.license(asked))

  @Controller('api')
  class LicensesController extends Asking {
    @Open('a phone, which proves the key it made') @Post('licenses') @HttpCode(201) license(@Body() body: unknown) {
      return this.order(new IssueLicense.Message(bodyOf(licenseBody, body)))
    }
  }
  return LicensesController
}

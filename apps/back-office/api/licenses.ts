import { Body, Controller, HttpCode, Param, Post, Req, type Type } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { testifiedAtOnce } from '#account/licensing'
import { octets as octetsText } from '#canonical/fields'
import { bodyOf } from '#http/refusals'
import { By, For, Open } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { guessing } from '../guessing.ts'
import { Asking, type Door } from './asking.ts'
import { amountText, currency, type FromAddress, reasonBody } from './words.ts'

const inviteBody = z.object({ allowance: amountText, currency })
/** A message of a tap has at most 4 KiB. */
const octets = octetsText.max(5462)
const keysBody = { publicKey: octets, transport: octets.optional() }
const activateBody = z.object({ code: z.string().max(200), ...keysBody, proof: octets })
const renewBody = z.object({ ...keysBody, present: octets, next: octets })
const told = z.object({
  signed: octets,
  getRequest: octets,
  getResponse: octets,
  put: octets,
  receipt: octets.optional(),
})
const testifyBody = z.object({ payments: z.array(told).max(testifiedAtOnce) })

/** Phones: an operator lets one in and ends its license; the rest it asks for itself, by its own keys. */
export const licenseRoutes = (node: BackOffice, door: Door): Type => {
  const InvitePhone = door.order(
    'InvitePhone',
    (asked: z.infer<typeof inviteBody> & { readonly account: string; readonly by: string }) => node.invitePhone(asked),
  )
  const guess = guessing(() => performance.now())
  const ActivatePhone = door.order(
    'ActivatePhone',
    ({ address, ...asked }: z.infer<typeof activateBody> & FromAddress) =>
      guess({ name: `phone ${asked.code}`, address }, () => node.activatePhone(asked)),
  )
  const RevokeLicense = door.order(
    'RevokeLicense',
    ({ reason, ...asked }: z.infer<typeof reasonBody> & { readonly license: string; readonly by: string }) =>
      node.revokeLicense({ ...asked, why: reason }),
  )
  const RenewLicense = door.order('RenewLicense', (asked: z.infer<typeof renewBody> & { readonly license: string }) =>
    node.renewLicense(asked),
  )
  const TestifyPayments = door.order(
    'TestifyPayments',
    (asked: z.infer<typeof testifyBody> & { readonly license: string }) => node.testify(asked),
  )

  @Controller()
  class LicensesController extends Asking {
    @For('clerk') @Post('api/accounts/:account/activations') @HttpCode(201) invite(
      @Param('account') account: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new InvitePhone.Message({ account, ...bodyOf(inviteBody, body), by }))
    }
    @For('clerk') @Post('api/licenses/:license/revoke') @HttpCode(200) revoke(
      @Param('license') license: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new RevokeLicense.Message({ license, ...bodyOf(reasonBody, body), by }))
    }
    @Open('a phone, by its code and the key it made') @Post('sync/v1/licenses') @HttpCode(201) activate(
      @Body() body: unknown,
      @Req() { ip }: FastifyRequest,
    ) {
      return this.order(new ActivatePhone.Message({ ...bodyOf(activateBody, body), address: ip }))
    }
    @Open('a phone, by the key of its license') @Post('sync/v1/licenses/:license/renewals') @HttpCode(201) renew(
      @Param('license') license: string,
      @Body() body: unknown,
    ) {
      return this.order(new RenewLicense.Message({ license, ...bodyOf(renewBody, body) }))
    }
    @Open('a phone: each payment is signed by it')
    @Post('sync/v1/licenses/:license/testimonies')
    @HttpCode(200)
    testify(@Param('license') license: string, @Body() body: unknown) {
      return this.order(new TestifyPayments.Message({ license, ...bodyOf(testifyBody, body) }))
    }
  }
  return LicensesController
}

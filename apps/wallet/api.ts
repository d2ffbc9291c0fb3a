import { Body, Controller, Get, HttpCode, Module, Param, Post, Sse, type Type } from '@nestjs/common'
import { z } from 'zod'
import { liveView } from '#http/live'
import { answered, bodyOf } from '#http/refusals'
import { suites } from '#license/appkey'
import type { TapOutcome, Wallet } from './wallet.ts'

/** The holder's API: this app has one stateful thing, the phones, so its controller asks them directly. */

const phoneBody = z.object({ code: z.string().min(1).max(200), suite: z.enum(suites).default('P256-AUTH') })
const renewBody = z.object({ allowance: z.string().max(40).optional() })
const lockBody = z.object({ locked: z.boolean() })
const tapBody = z.object({ terminal: z.string().min(1).max(120), consent: z.boolean().default(false) })
const consentBody = z.object({ transaction: z.string().regex(/^[0-9a-f]{32}$/), given: z.boolean().default(true) })

export const walletModule = (node: Wallet): Type => {
  @Controller('api')
  class HolderController {
    @Get('health') health() {
      return { status: 'ok', role: 'wallet', id: 'wallet', phones: node.phones().length }
    }
    @Sse('live') live() {
      return liveView(node.news)
    }
    @Get('phones') phones() {
      return node.phones()
    }
    @Get('terminals') terminals() {
      return node.terminals
    }
    @Get('phones/:phone') phone(@Param('phone') phone: string) {
      return answered(node.look(phone))
    }
    @Post('phones') @HttpCode(201) async add(@Body() body: unknown) {
      const { code, suite } = bodyOf(phoneBody, body)
      return answered(await node.addPhone(code, suite))
    }
    @Post('phones/:phone/renew') @HttpCode(200) async renew(@Param('phone') phone: string, @Body() body: unknown) {
      return answered(await node.renew(phone, bodyOf(renewBody, body).allowance))
    }
    @Post('phones/:phone/testify') @HttpCode(200) async testify(@Param('phone') phone: string) {
      return answered(await node.testify(phone))
    }
    @Post('phones/:phone/lock') @HttpCode(200) lock(@Param('phone') phone: string, @Body() body: unknown) {
      return answered(node.lock(phone, bodyOf(lockBody, body).locked))
    }
    @Post('phones/:phone/tap') @HttpCode(200) async tap(@Param('phone') phone: string, @Body() body: unknown) {
      const { terminal, consent } = bodyOf(tapBody, body)
      const outcome = await node.tap(phone, terminal, consent)
      // An outcome may bear a reason of its own; it is an answer, not a refusal.
      return 'outcome' in outcome ? (outcome as TapOutcome) : answered(outcome)
    }
    @Post('phones/:phone/consent') @HttpCode(200) consent(@Param('phone') phone: string, @Body() body: unknown) {
      const { transaction, given } = bodyOf(consentBody, body)
      return answered(node.consent(phone, transaction, given))
    }
  }

  @Module({ controllers: [HolderController] })
  class WalletModule {}
  return WalletModule
}

import { Body, Controller, Get, HttpCode, Post, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf } from '#http/refusals'
import { By, For } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { id, words } from './words.ts'

const shopBody = z.object({ shop: id.optional(), merchant: id, name: words, zone: words })
const terminalBody = z.object({ terminal: id, shop: id })

/** Shops, and the terminals that stand in them. */
export const terminalRoutes = (node: BackOffice, door: Door): Type => {
  const OpenShop = door.order('OpenShop', (asked: z.infer<typeof shopBody> & { by: string }) => node.openShop(asked))
  const InviteTerminal = door.order('InviteTerminal', (asked: z.infer<typeof terminalBody> & { by: string }) =>
    node.inviteTerminal(asked),
  )
  const Terminals = door.question('Terminals', async () => node.ask.terminals())

  @Controller('api')
  class TerminalsController extends Asking {
    @For('clerk') @Post('shops') @HttpCode(201) openShop(@Body() body: unknown, @By() by: string) {
      return this.order(new OpenShop.Message({ ...bodyOf(shopBody, body), by }))
    }
    @For('viewer') @Get('terminals') terminals() {
      return this.ask(new Terminals.Message(undefined))
    }
    @For('clerk') @Post('terminals') @HttpCode(201) invite(@Body() body: unknown, @By() by: string) {
      return this.order(new InviteTerminal.Message({ ...bodyOf(terminalBody, body), by }))
    }
  }
  return TerminalsController
}

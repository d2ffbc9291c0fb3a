import { Body, Controller, Get, HttpCode, Param, Post, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf } from '#http/refusals'
import { By, For } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { id, reasonBody, reasonText, words } from './words.ts'

const inviteBody = z.object({ terminal: id, shop: id })
const labelBody = z.object({ label: words })
const moveBody = z.object({ shop: id, reason: reasonText })
const replaceBody = z.object({ replacement: id, reason: reasonText })
const retireBody = z.object({ reason: reasonText, evenSo: z.boolean().optional() })

type Ordered = { readonly terminal: string; readonly by: string }
type WithReason = Ordered & { readonly reason: string }

/**
 * Terminals. A clerk may stop one at once; to let it serve again, or to end its service for good, takes whoever may
 * approve.
 */
export const terminalRoutes = (node: BackOffice, door: Door): Type => {
  const Invite = door.order('InviteTerminal', (asked: z.infer<typeof inviteBody> & { by: string }) =>
    node.inviteTerminal(asked),
  )
  const Cancel = door.order('CancelInvitation', (asked: WithReason) => node.cancelInvitation(asked))
  const Rename = door.order('RenameTerminal', (asked: Ordered & { label: string }) => node.renameTerminal(asked))
  const Move = door.order('MoveTerminal', (asked: WithReason & { shop: string }) => node.moveTerminal(asked))
  const Suspend = door.order('SuspendTerminal', (asked: WithReason) => node.suspendTerminal(asked))
  const Reinstate = door.order('ReinstateTerminal', (asked: WithReason) => node.reinstateTerminal(asked))
  const Replace = door.order('ReplaceTerminal', (asked: WithReason & { replacement: string }) =>
    node.replaceTerminal(asked),
  )
  const DeclareLost = door.order('DeclareTerminalLost', (asked: WithReason) => node.declareTerminalLost(asked))
  const Retire = door.order('RetireTerminal', (asked: Ordered & z.infer<typeof retireBody>) =>
    node.retireTerminal(asked),
  )
  const Terminals = door.question('Terminals', async () => node.ask.terminals())
  const TerminalAt = door.question('Terminal', async (terminal: string) => node.ask.terminal(terminal))

  @Controller('api/terminals')
  class TerminalsController extends Asking {
    @For('viewer') @Get() terminals() {
      return this.ask(new Terminals.Message(undefined))
    }
    @For('viewer') @Get(':terminal') terminal(@Param('terminal') terminal: string) {
      return this.ask(new TerminalAt.Message(terminal))
    }
    @For('clerk') @Post() @HttpCode(201) invite(@Body() body: unknown, @By() by: string) {
      return this.order(new Invite.Message({ ...bodyOf(inviteBody, body), by }))
    }
    @For('clerk') @Post(':terminal/cancel') @HttpCode(200) cancel(
      @Param('terminal') terminal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new Cancel.Message({ terminal, ...bodyOf(reasonBody, body), by }))
    }
    @For('clerk') @Post(':terminal/name') @HttpCode(200) rename(
      @Param('terminal') terminal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new Rename.Message({ terminal, ...bodyOf(labelBody, body), by }))
    }
    @For('clerk') @Post(':terminal/move') @HttpCode(200) move(
      @Param('terminal') terminal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new Move.Message({ terminal, ...bodyOf(moveBody, body), by }))
    }
    @For('clerk') @Post(':terminal/suspend') @HttpCode(200) suspend(
      @Param('terminal') terminal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new Suspend.Message({ terminal, ...bodyOf(reasonBody, body), by }))
    }
    @For('approver') @Post(':terminal/reinstate') @HttpCode(200) reinstate(
      @Param('terminal') terminal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new Reinstate.Message({ terminal, ...bodyOf(reasonBody, body), by }))
    }
    @For('approver') @Post(':terminal/replace') @HttpCode(201) replace(
      @Param('terminal') terminal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new Replace.Message({ terminal, ...bodyOf(replaceBody, body), by }))
    }
    @For('approver') @Post(':terminal/lost') @HttpCode(200) lost(
      @Param('terminal') terminal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new DeclareLost.Message({ terminal, ...bodyOf(reasonBody, body), by }))
    }
    @For('approver') @Post(':terminal/retire') @HttpCode(200) retire(
      @Param('terminal') terminal: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new Retire.Message({ terminal, ...bodyOf(retireBody, body), by }))
    }
  }
  return TerminalsController
}

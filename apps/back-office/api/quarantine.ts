import { Body, Controller, Get, HttpCode, Param, Post, type Type } from '@nestjs/common'
import { bodyOf } from '#http/refusals'
import { By, For } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { reasonBody } from './words.ts'

type Batch = { readonly terminal: string; readonly batch: string }
type Decision = Batch & { readonly reason: string; readonly by: string }

/** Batches that were refused and are kept. Who approves lets one in after all, or rejects it for good. */
export const quarantineRoutes = (node: BackOffice, door: Door): Type => {
  const Quarantine = door.question('Quarantine', async (terminal: string) => node.quarantineOf(terminal))
  const QuarantinedBatch = door.question('QuarantinedBatch', async ({ terminal, batch }: Batch) =>
    node.quarantinedBatch(terminal, batch),
  )
  const Release = door.order('ReleaseBatch', (asked: Decision) => node.releaseBatch(asked))
  const Reject = door.order('RejectBatch', (asked: Decision) => node.rejectBatch(asked))

  @Controller('api/terminals/:terminal/quarantine')
  class QuarantineController extends Asking {
    @For('viewer') @Get() list(@Param('terminal') terminal: string) {
      return this.ask(new Quarantine.Message(terminal))
    }
    @For('viewer') @Get(':batch') batch(@Param('terminal') terminal: string, @Param('batch') batch: string) {
      return this.ask(new QuarantinedBatch.Message({ terminal, batch }))
    }
    @For('approver') @Post(':batch/release') @HttpCode(200) release(
      @Param('terminal') terminal: string,
      @Param('batch') batch: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new Release.Message({ terminal, batch, ...bodyOf(reasonBody, body), by }))
    }
    @For('approver') @Post(':batch/reject') @HttpCode(200) reject(
      @Param('terminal') terminal: string,
      @Param('batch') batch: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new Reject.Message({ terminal, batch, ...bodyOf(reasonBody, body), by }))
    }
  }
  return QuarantineController
}

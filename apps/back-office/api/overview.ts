import { Controller, Get, Query, Sse, type Type } from '@nestjs/common'
import { z } from 'zod'
import { liveView } from '#http/live'
import { bodyOf } from '#http/refusals'
import { AskedBy, type Asker, For, OpenAndMore } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'

const exceptionsQuery = z.object({
  state: z.enum(['open', 'resolved']).optional(),
  before: z.coerce.number().int().min(0).optional(),
})

/** How the centre is, and what it says at a glance. */
export const overviewRoutes = (node: BackOffice, door: Door): Type => {
  const Overview = door.question('Overview', async () => node.ask.overview())
  const Reconciliation = door.question('Reconciliation', async () => node.ask.reconciliation())
  const Exposure = door.question('Exposure', async () => node.ask.exposure())
  const Exceptions = door.question('Exceptions', async (asked: z.infer<typeof exceptionsQuery>) =>
    node.ask.exceptions(asked),
  )

  @Controller('api')
  class OverviewController extends Asking {
    @OpenAndMore('whoever starts and watches the process') @Get('health') async health(@AskedBy() asker?: Asker) {
      const { stopped, followers, log } = node.status()
      const { note: _, ...signed } = log
      const newer = await node.ask.newer()
      const isWell = stopped.length === 0 && !log.silence && !newer.some(({ money }) => money)
      const status = isWell ? 'ok' : 'degraded'
      // Strangers hear that it is well, and nothing of what it does.
      if (!asker) return { status, role: 'back-office', mode: node.mode }
      const { index, age_ms } = await node.ask.age()
      return {
        status,
        role: 'back-office',
        mode: node.mode,
        id: node.id,
        index,
        age_ms,
        stopped,
        followers,
        notUnderstood: newer,
        undelivered: await node.undelivered(),
        log: signed,
      }
    }
    @For('viewer') @Sse('live') live() {
      return liveView(node.news)
    }
    @For('viewer') @Get('overview') overview() {
      return this.ask(new Overview.Message(undefined))
    }
    @For('viewer') @Get('exposure') exposure() {
      return this.ask(new Exposure.Message(undefined))
    }
    @For('viewer') @Get('reconciliation') reconciliation() {
      return this.ask(new Reconciliation.Message(undefined))
    }
    @For('viewer') @Get('exceptions') exceptions(@Query() query: unknown) {
      return this.ask(new Exceptions.Message(bodyOf(exceptionsQuery, query)))
    }
  }
  return OverviewController
}

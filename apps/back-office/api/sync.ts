import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Req, type Type } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { bodyOf, fieldOf } from '#http/refusals'
import { Open } from '#http/roles'
import { requestHeader } from '#license/request'
import { verdictsMax } from '#license/verdicts'
import { batchBody } from '#sync/batch'
import type { BackOffice } from '../back-office.ts'
import { guessing } from '../guessing.ts'
import { Asking, type Door } from './asking.ts'
import { type FromAddress, octets } from './words.ts'

const pairOfOctets = z.object({ p256: octets, ed25519: octets })
const enrolBody = z.object({ code: z.string().max(200), keys: pairOfOctets, proofs: pairOfOctets })

const header = z.string().max(4096).optional()
/** What a terminal has of its rules: a kind and the hash of its document, for each. */
const rulesQuery = z.object({
  have: z
    .string()
    .regex(/^(?:[a-zA-Z]{1,20}:[0-9a-f]{64}(?:,|$)){0,8}$/, 'not kinds and hashes')
    .optional(),
})

const verdictsBody = z.object({ revisions: z.array(z.int().nonnegative()).min(1).max(verdictsMax) })

const logQuery = z.object({ from: z.coerce.number().pipe(z.int().nonnegative()) })

type SignedBy = { readonly terminal: string; readonly request: string | undefined }

/** What terminals send and fetch: their own keys vouch for them, and no operator does. */
export const syncRoutes = (node: BackOffice, door: Door): Type => {
  const guess = guessing(() => performance.now())
  const Enrol = door.order('Enrol', ({ address, ...asked }: z.infer<typeof enrolBody> & FromAddress) =>
    guess({ name: `terminal ${asked.code.slice(0, asked.code.lastIndexOf('.'))}`, address }, () => node.enrol(asked)),
  )
  const AcceptBatch = door.order(
    'AcceptBatch',
    ({ terminal, body }: { terminal: string; body: z.infer<typeof batchBody> }) => node.acceptBatch(terminal, body),
  )
  const Rules = door.question('Rules', ({ terminal, request, have }: SignedBy & { have: string | undefined }) =>
    node.rulesFor(terminal, request, have),
  )
  const Verdicts = door.question('Verdicts', ({ terminal, request, revisions }: SignedBy & { revisions: number[] }) =>
    node.verdictsFor(terminal, request, revisions),
  )
  const OwnLog = door.question('OwnLog', ({ terminal, request, from }: SignedBy & { from: number }) =>
    node.logFor(terminal, request, from),
  )
  const RenewCertificate = door.order('RenewCertificate', ({ terminal, request }: SignedBy) =>
    node.renewCertificate(terminal, request),
  )

  @Controller('sync/v1')
  class SyncController extends Asking {
    @Open('a terminal, by its invitation') @Post('enrolments') @HttpCode(201) enrol(
      @Body() body: unknown,
      @Req() { ip }: FastifyRequest,
    ) {
      return this.order(new Enrol.Message({ ...bodyOf(enrolBody, body), address: ip }))
    }
    @Open('a terminal, by its signature') @Post('terminals/:terminal/batches') @HttpCode(200) batch(
      @Param('terminal') terminal: string,
      @Body() body: unknown,
    ) {
      return this.order(new AcceptBatch.Message({ terminal, body: bodyOf(batchBody, body) }))
    }
    @Open('a terminal, by its signature') @Get('terminals/:terminal/rules') rules(
      @Param('terminal') terminal: string,
      @Headers(requestHeader) request: unknown,
      @Query() query: unknown,
    ) {
      const { have } = bodyOf(rulesQuery, query)
      return this.ask(new Rules.Message({ terminal, request: fieldOf(header, request, requestHeader), have }))
    }
    @Open('a terminal, by its signature') @Post('terminals/:terminal/verdicts') @HttpCode(200) verdicts(
      @Param('terminal') terminal: string,
      @Headers(requestHeader) request: unknown,
      @Body() body: unknown,
    ) {
      const { revisions } = bodyOf(verdictsBody, body)
      return this.ask(new Verdicts.Message({ terminal, request: fieldOf(header, request, requestHeader), revisions }))
    }
    @Open('a terminal, by its signature') @Get('terminals/:terminal/log') log(
      @Param('terminal') terminal: string,
      @Headers(requestHeader) request: unknown,
      @Query() query: unknown,
    ) {
      const { from } = bodyOf(logQuery, query)
      return this.ask(new OwnLog.Message({ terminal, request: fieldOf(header, request, requestHeader), from }))
    }
    @Open('a terminal, by its signature') @Post('terminals/:terminal/certificate') @HttpCode(200) certificate(
      @Param('terminal') terminal: string,
      @Headers(requestHeader) request: unknown,
    ) {
      return this.order(new RenewCertificate.Message({ terminal, request: fieldOf(header, request, requestHeader) }))
    }
  }
  return SyncController
}

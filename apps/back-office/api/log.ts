import { Body, Controller, Get, Header, HttpCode, Post, Req, StreamableFile, type Type } from '@nestjs/common'
import type { z } from 'zod'
import { answered, bodyOf, Refused } from '#http/refusals'
import { By, For, Open } from '#http/roles'
import { readTilePath } from '#transparency/tiles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { reasonBody } from './words.ts'

/** The signed log, as C2SP `tlog-tiles` has it: whoever asks may check that it only grows. */
export const logRoutes = (node: BackOffice, door: Door): Type => {
  const BeginLogAnew = door.order('BeginLogAnew', (asked: z.infer<typeof reasonBody> & { by: string }) =>
    node.beginLogAnew(asked),
  )
  const LogState = door.question('LogState', async () => {
    const { note: _, ...signed } = node.status().log
    return signed
  })

  @Controller('api/log')
  class LogController extends Asking {
    @Open('whoever checks the log: hashes and a signature are all it says')
    @Get('checkpoint')
    @Header('content-type', 'text/plain; charset=utf-8')
    checkpoint(): string {
      const { note } = node.signing.state()
      const message = 'Nothing of this log was signed yet: ask again in a moment.'
      return answered<string>(note ?? { reason: 'CheckpointUnknown', message })
    }
    @Open('whoever checks the log: hashes are all it says') @Get('tile/*') async tile(
      @Req() { url }: { readonly url: string },
    ): Promise<StreamableFile> {
      const name = readTilePath(url.split('/tile/')[1] ?? '')
      const octets = name && (await node.signing.tile(name))
      if (octets) return new StreamableFile(octets, { type: 'application/octet-stream' })
      throw new Refused({ reason: 'TileUnknown', message: `There is no tile at ${url} under the newest checkpoint.` })
    }
    @For('viewer') @Get('state') state() {
      return this.ask(new LogState.Message(undefined))
    }
    @For('administrator') @Post('origins') @HttpCode(201) beginAnew(@Body() body: unknown, @By() by: string) {
      return this.order(new BeginLogAnew.Message({ ...bodyOf(reasonBody, body), by }))
    }
  }
  return LogController
}

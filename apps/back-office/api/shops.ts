import { Body, Controller, Get, HttpCode, Param, Post, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf } from '#http/refusals'
import { By, For } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { id, words } from './words.ts'

const shopBody = z.object({ shop: id.optional(), merchant: id, name: words, zone: words })
const nameBody = z.object({ name: words })
const zoneBody = z.object({ zone: words })

/** Shops: opened for a merchant, named, and each in a zone of its own. */
export const shopRoutes = (node: BackOffice, door: Door): Type => {
  const OpenShop = door.order('OpenShop', (asked: z.infer<typeof shopBody> & { by: string }) => node.openShop(asked))
  const RenameShop = door.order('RenameShop', (asked: { shop: string; name: string; by: string }) =>
    node.renameShop(asked),
  )
  const SetZone = door.order('SetZone', (asked: { shop: string; zone: string; by: string }) => node.setZone(asked))
  const Shops = door.question('Shops', async () => node.ask.shops())

  @Controller('api/shops')
  class ShopsController extends Asking {
    @For('viewer') @Get() shops() {
      return this.ask(new Shops.Message(undefined))
    }
    @For('clerk') @Post() @HttpCode(201) open(@Body() body: unknown, @By() by: string) {
      return this.order(new OpenShop.Message({ ...bodyOf(shopBody, body), by }))
    }
    @For('clerk') @Post(':shop/name') @HttpCode(200) rename(
      @Param('shop') shop: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new RenameShop.Message({ shop, ...bodyOf(nameBody, body), by }))
    }
    @For('clerk') @Post(':shop/zone') @HttpCode(200) zone(
      @Param('shop') shop: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new SetZone.Message({ shop, ...bodyOf(zoneBody, body), by }))
    }
  }
  return ShopsController
}

import { Body, Controller, Get, HttpCode, Param, Post, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf } from '#http/refusals'
import { By, For } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { reasonBody, reasonText } from './words.ts'

const skipBody = z.object({ index: z.int().nonnegative(), event: z.uuid(), reason: reasonText })

/** What follows the log, and what an operator does with one that stands still. */
export const followerRoutes = (node: BackOffice, door: Door): Type => {
  type OfFollower = { readonly follower: string; readonly by: string }
  const SkipEvent = door.order('SkipEvent', (asked: z.infer<typeof skipBody> & OfFollower) => node.skipEvent(asked))
  const RetryFollower = door.order('RetryFollower', (asked: z.infer<typeof reasonBody> & OfFollower) =>
    node.retryFollower(asked),
  )
  const FollowerList = door.question('FollowerList', async () => ({ followers: node.status().followers }))

  @Controller('api/followers')
  class FollowersController extends Asking {
    @For('viewer') @Get() followers() {
      return this.ask(new FollowerList.Message(undefined))
    }
    @For('administrator') @Post(':follower/skip') @HttpCode(200) skip(
      @Param('follower') follower: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new SkipEvent.Message({ follower, ...bodyOf(skipBody, body), by }))
    }
    @For('clerk') @Post(':follower/retry') @HttpCode(200) retry(
      @Param('follower') follower: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new RetryFollower.Message({ follower, ...bodyOf(reasonBody, body), by }))
    }
  }
  return FollowersController
}

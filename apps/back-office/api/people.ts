import { Body, Controller, Get, HttpCode, Param, Post, Put, Query, type Type } from '@nestjs/common'
import { z } from 'zod'
import { bodyOf } from '#http/refusals'
import { By, For } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { reasonBody } from './words.ts'

const line = z.string().max(200).optional()
const personBody = z.object({
  /** The version that was read; 0 where nothing is known yet. */
  version: z.int().nonnegative(),
  name: z.string().trim().min(1).max(200),
  address: z.string().max(500).optional(),
  phone: line,
  email: line,
  notes: z.string().max(2000).optional(),
})
const findQuery = z.object({ words: z.string().trim().min(2, 'give at least two letters').max(100) })

/** People's data: for clerks, and each look at it is noted. */
export const peopleRoutes = (node: BackOffice, door: Door): Type => {
  type Of = { readonly account: string; readonly by: string }
  const OnePerson = door.question('OnePerson', (asked: Of) => node.person(asked))
  const FindPeople = door.question('FindPeople', (asked: z.infer<typeof findQuery> & { readonly by: string }) =>
    node.findPeople(asked),
  )
  const KeepPerson = door.order('KeepPerson', (asked: z.infer<typeof personBody> & Of) => node.keepPerson(asked))
  const ErasePerson = door.order('ErasePerson', (asked: z.infer<typeof reasonBody> & Of) => node.erasePerson(asked))

  @Controller('api')
  class PeopleController extends Asking {
    @For('clerk') @Get('people') find(@Query() query: unknown, @By() by: string) {
      return this.ask(new FindPeople.Message({ ...bodyOf(findQuery, query), by }))
    }
    @For('clerk') @Get('accounts/:account/person') person(@Param('account') account: string, @By() by: string) {
      return this.ask(new OnePerson.Message({ account, by }))
    }
    @For('clerk') @Put('accounts/:account/person') keep(
      @Param('account') account: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new KeepPerson.Message({ account, ...bodyOf(personBody, body), by }))
    }
    @For('approver') @Post('accounts/:account/person/erase') @HttpCode(200) erase(
      @Param('account') account: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new ErasePerson.Message({ account, ...bodyOf(reasonBody, body), by }))
    }
  }
  return PeopleController
}

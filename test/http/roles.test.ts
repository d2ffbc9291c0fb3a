import 'reflect-metadata'
import { Controller, Get, Module, Post } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AskedBy, type Asker, By, For, Open, OpenAndMore, roleGuard, routesOf } from '#http/roles'
import { type Served, serve } from '#http/serve'
import { mayAct, type Role, roles } from '#operator/roles'

@Controller('api')
class Book {
  @Open('whoever passes') @Get('cover') cover() {
    return { read: 'cover' }
  }
  @Open('whoever passes') @Get('spine') spine(@By() by: string) {
    return { by }
  }
  @OpenAndMore('whoever passes') @Get('blurb') blurb(@AskedBy() asker?: Asker) {
    return { for: asker?.operator ?? 'strangers' }
  }
  @For('viewer') @Get('page') page(@AskedBy() asker: Asker) {
    return asker
  }
  @For('approver') @Post('page') write(@By() by: string) {
    return { by }
  }
}

describe('the role of a route', () => {
  let served: Served
  beforeAll(async () => {
    @Module({
      controllers: [Book],
      providers: [
        {
          provide: APP_GUARD,
          useValue: roleGuard(async ({ headers }) => {
            const role = headers['x-role'] as Role | undefined
            return role ? { operator: 'olga', role } : { reason: 'NotSignedIn', message: 'Sign in first.' }
          }),
        },
      ],
    })
    class Shelf {}
    const log = { info: () => {}, error: () => {} }
    served = await serve({ module: Shelf, port: 0, host: '127.0.0.1', pages: undefined, log })
  })
  afterAll(() => served.close())

  const send = async (method: string, path: string, role?: Role) => {
    const headers: Record<string, string> = role ? { 'x-role': role } : {}
    const response = await fetch(`${served.url}/api/${path}`, { method, headers })
    const answer = (await response.json()) as Record<string, unknown>
    return { status: response.status, answer }
  }

  it('takes everybody where it is open, and there is nobody to name then', async () => {
    expect(await send('GET', 'cover')).toEqual({ status: 200, answer: { read: 'cover' } })
    expect((await send('GET', 'spine')).status).toBe(500)
  })
  it('says more to an operator where it is open to all and means to', async () => {
    expect((await send('GET', 'blurb')).answer).toEqual({ for: 'strangers' })
    expect((await send('GET', 'blurb', 'viewer')).answer).toEqual({ for: 'olga' })
  })
  it('takes nobody who is not known', async () => {
    for (const method of ['GET', 'POST'])
      expect(await send(method, 'page')).toMatchObject({ status: 401, answer: { reason: 'NotSignedIn' } })
  })
  it.each(roles)('takes %s where the role suffices', async role => {
    expect(await send('GET', 'page', role)).toEqual({ status: 200, answer: { operator: 'olga', role } })
    const written = await send('POST', 'page', role)
    if (mayAct(role, 'approver')) expect(written).toEqual({ status: 201, answer: { by: 'operator:olga' } })
    else
      expect(written).toMatchObject({
        status: 403,
        answer: {
          reason: 'RoleTooLow',
          role,
          least: 'approver',
          message: expect.stringContaining(`olga is a ${role}; this takes an approver`),
        },
      })
  })

  it('is listed with its route', () => {
    expect(routesOf([Book])).toEqual([
      { method: 'GET', path: '/api/cover', open: 'whoever passes' },
      { method: 'GET', path: '/api/spine', open: 'whoever passes' },
      { method: 'GET', path: '/api/blurb', open: 'whoever passes', greets: true },
      { method: 'GET', path: '/api/page', least: 'viewer' },
      { method: 'POST', path: '/api/page', least: 'approver' },
    ])
  })
  it('is missed at start where a route names none', () => {
    @Controller('api')
    class Careless {
      @Post('money') money() {
        return {}
      }
    }
    expect(() => routesOf([Book, Careless])).toThrow('POST /api/money names no role')
  })
})

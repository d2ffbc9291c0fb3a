import { createHash } from 'node:crypto'
import { Body, Controller, Get, HttpCode, Post, Req, Res, type Type } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { isRefusal, type Refusal } from '#canonical/decider'
import { cookieText, readCookie } from '#http/cookies'
import { answered, bodyOf } from '#http/refusals'
import { Open } from '#http/roles'
import type { BackOffice } from '../back-office.ts'
import type { SignedIn, SignIn } from '../sign-in.ts'
import type { Door } from './asking.ts'

/** Long enough for whatever somebody chose, short enough to be hashed. */
const password = z.string().min(1).max(1024)
const signInBody = z.strictObject({ operator: z.string().min(1).max(64), password })
const passwordBody = z.strictObject({ password, next: password })

/** Browsers tell cookies of two ports of one machine apart by nothing but the name: it is the centre's own. */
const cookieOf = ({ id }: Pick<BackOffice, 'id'>): string =>
  `tallystick-${createHash('sha256').update(id).digest('hex').slice(0, 8)}`

export const tokenOf = (node: Pick<BackOffice, 'id'>, { headers }: FastifyRequest): string | undefined =>
  readCookie(headers.cookie, cookieOf(node))

/** Signing in and out, and one's own password. Passwords never become a message: they go to the desk and nowhere else. */
export const sessionRoutes = (node: BackOffice, _: Door, desk: SignIn): Type => {
  const cookie = cookieOf(node)

  /** Did the page come by https, whatever this server was reached by? Its origin says so, or the proxy before us. */
  const isSecure = ({ headers }: FastifyRequest): boolean =>
    headers.origin?.startsWith('https://') === true || headers['x-forwarded-proto'] === 'https'
  const keep = (request: FastifyRequest, reply: FastifyReply, token: string | undefined): void => {
    void reply.header('set-cookie', cookieText(cookie, token, { secure: isSecure(request) }))
    void reply.header('cache-control', 'no-store')
  }
  const begun = (
    request: FastifyRequest,
    reply: FastifyReply,
    answer: Refusal | { readonly token: string; readonly who: SignedIn },
  ): SignedIn => {
    if (!isRefusal(answer)) keep(request, reply, answer.token)
    return answered(answer).who
  }

  @Controller('api/session')
  class SessionController {
    /** An answer in both cases: a page asks this to know which of them it is. */
    @Open('whoever may be signed in') @Get() async who(@Req() request: FastifyRequest) {
      const who = await desk.look(tokenOf(node, request))
      return isRefusal(who) ? { operator: null, ...who } : who
    }
    @Open('an operator, by a password') @Post() @HttpCode(200) async signIn(
      @Body() body: unknown,
      @Req() request: FastifyRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      const asked = bodyOf(signInBody, body)
      const token = tokenOf(node, request)
      return begun(request, reply, await desk.signIn({ ...asked, token, address: request.ip }))
    }
    @Open('whoever may be signed in') @Post('end') @HttpCode(200) async signOut(
      @Req() request: FastifyRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      await desk.signOut(tokenOf(node, request))
      keep(request, reply, undefined)
      return {}
    }
    @Open('whoever is signed in, by a session and the password') @Post('password') @HttpCode(200) async change(
      @Body() body: unknown,
      @Req() request: FastifyRequest,
      @Res({ passthrough: true }) reply: FastifyReply,
    ) {
      const asked = bodyOf(passwordBody, body)
      const token = tokenOf(node, request)
      return begun(request, reply, await desk.changePassword({ ...asked, token, address: request.ip }))
    }
  }
  return SessionController
}

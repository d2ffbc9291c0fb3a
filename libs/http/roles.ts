import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  RequestMethod,
  SetMetadata,
  type Type,
} from '@nestjs/common'
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants'
import type { FastifyRequest } from 'fastify'
import type { Refusal } from '#canonical/decider'
import { isRefusal } from '#canonical/decider'
import { mayAct, type Role, roleTooLow } from '#operator/roles'
import { Refused } from './refusals.ts'

/**
 * Who may send what. Each route names the least role that it takes, or says why it takes none; one that does neither
 * is found at start, and by no stranger.
 */

/** Who sent a request, as `whoAsks` found it. */
export type Asker = { readonly operator: string; readonly role: Role }

/** Finds who sent a request, or says why nobody did. */
export type WhoAsks = (request: FastifyRequest) => Promise<Asker | Refusal>

const takes = 'tallystick:takes'
type Takes = { readonly least: Role } | { readonly open: string; readonly greets?: true }

/** The least role of an operator that a route takes. */
export const For = (least: Role) => SetMetadata<string, Takes>(takes, { least })

/** A route without an operator; the words say who asks then, and what vouches for them. */
export const Open = (because: string) => SetMetadata<string, Takes>(takes, { open: because })

/** The same, and a route that says more to an operator. */
export const OpenAndMore = (because: string) => SetMetadata<string, Takes>(takes, { open: because, greets: true })

const askers = new WeakMap<FastifyRequest['raw'], Asker>()

/** Who asks, by id and role, as a route's argument; undefined for a stranger, where those may ask. */
export const AskedBy = createParamDecorator((_: unknown, context: ExecutionContext): Asker | undefined =>
  askers.get(context.switchToHttp().getRequest<FastifyRequest>().raw),
)

/** Who asks, as a command bears it: `operator:<id>`. */
export const By = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const asker = askers.get(context.switchToHttp().getRequest<FastifyRequest>().raw)
  if (!asker) throw new Error(`${context.getHandler().name} wants a by, and is open to all: give it @For`)
  return `operator:${asker.operator}`
})

const takenBy = (handler: object): Takes | undefined => Reflect.getMetadata(takes, handler) as Takes | undefined

/** Lets a request pass to a route when whoever sent it has the role that the route takes. */
export const roleGuard = (whoAsks: WhoAsks): CanActivate => ({
  canActivate: async (context: ExecutionContext): Promise<boolean> => {
    const needed = takenBy(context.getHandler())
    if (needed && 'open' in needed && !needed.greets) return true
    const request = context.switchToHttp().getRequest<FastifyRequest>()
    const asker = await whoAsks(request)
    if (needed && 'open' in needed) {
      if (!isRefusal(asker)) askers.set(request.raw, asker)
      return true
    }
    if (isRefusal(asker)) throw new Refused(asker)
    if (!needed || !mayAct(asker.role, needed.least))
      throw new Refused(roleTooLow(asker.operator, asker.role, needed?.least ?? 'administrator'))
    askers.set(request.raw, asker)
    return true
  },
})

/** A route as Nest has it, and who it takes: a role, or nobody in particular and why. */
export type Route = { readonly method: string; readonly path: string } & Takes

/** All routes of some controllers, each with whom it takes. Throws where one does not say: a bug, found at start. */
export const routesOf = (controllers: readonly Type[]): Route[] =>
  controllers.flatMap(controller =>
    Object.getOwnPropertyNames(controller.prototype).flatMap(name => {
      const handler: unknown = (controller.prototype as Record<string, unknown>)[name]
      if (name === 'constructor' || typeof handler !== 'function' || !Reflect.hasMetadata(PATH_METADATA, handler))
        return []
      const under = String(Reflect.getMetadata(PATH_METADATA, controller))
      const at = String(Reflect.getMetadata(PATH_METADATA, handler))
      const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod]
      const path = `/${[under, at].filter(part => part !== '/').join('/')}`
      const needed = takenBy(handler)
      if (!needed) throw new Error(`${method} ${path} names no role: give it @For, or @Open with its reason`)
      return [{ method, path, ...needed }]
    }),
  )

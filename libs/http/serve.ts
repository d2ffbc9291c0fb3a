import { existsSync } from 'node:fs'
import { join } from 'node:path'
import 'reflect-metadata'
import fastifyStatic from '@fastify/static'
import type { Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { RefusalFilter } from './refusals.ts'

export type Served = { readonly url: string; close(): Promise<void>; readonly app: NestFastifyApplication }

export type ServeOptions = {
  readonly module: Type
  readonly port: number
  readonly host: string
  /** What others call this server by in a closed network that holds no one but them; none where it is this machine. */
  readonly knownAs?: readonly string[]
  /** Folder of the built pages; requests that name no file get index.html. */
  readonly pages: string | undefined
  readonly log: { info(line: string): void; error(line: string): void }
  /** Octets; a larger body is refused before it is read. */
  readonly bodyLimit?: number
}

/** The address or port cannot be had. The caller prints the line and stops. */
export class CannotListen extends Error {
  readonly code = 'CannotListen'
}

const loopback = new Set(['127.0.0.1', 'localhost', '::1'])

const headers = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

/** For an app that does something before it listens, such as spending an invitation. */
export const refuseOtherHosts = (host: string, knownAs: readonly string[] = []): void => {
  if (!loopback.has(host) && knownAs.length === 0)
    throw new CannotListen(
      `Refusing to listen on ${host}: there is no sign-in yet, so whoever reaches the port may move money. Use 127.0.0.1; ` +
        'only in a closed network, where nobody else can reach it, add --known-as with the name it is reached by there.',
    )
}

/** Of a path that is too long, or not well encoded, Fastify speaks before any route or filter of ours does. */
const badPath = (
  { statusCode }: { readonly statusCode?: number | undefined },
  { url }: { readonly url: string },
  {
    raw,
  }: { readonly raw: { writeHead(status: number, head: Record<string, string>): { end(text: string): unknown } } },
): void => {
  const message = `There can be nothing at ${url.slice(0, 80)}: look at the path. Nothing was done.`
  const head = { ...headers, 'content-type': 'application/json' }
  raw.writeHead(statusCode ?? 400, head).end(JSON.stringify({ reason: 'PathMalformed', message }))
}

/**
 * One Nest application on Fastify. Until sign-in exists, it listens on this machine only, or where it is told that a
 * network is closed; it answers to its names and no others.
 */
export const serve = async (options: ServeOptions): Promise<Served> => {
  const { module, port, host, knownAs = [], pages, log, bodyLimit } = options
  refuseOtherHosts(host, knownAs)
  const names = new Set([...loopback, ...knownAs])
  const adapter = new FastifyAdapter({
    bodyLimit: bodyLimit ?? 64 * 1024,
    forceCloseConnections: true,
    frameworkErrors: badPath,
  })
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: false, abortOnError: false })
  app.useGlobalFilters(new RefusalFilter(error => log.error(`${error.message}\n${error.stack ?? ''}`)))
  const fastify = adapter.getInstance()
  // A page of another site may send a simple request to this port; its Origin tells. A name that is rebound to
  // 127.0.0.1 shows in Host.
  fastify.addHook('onRequest', async (request, reply) => {
    for (const [name, value] of Object.entries(headers)) void reply.header(name, value)
    const named = (request.headers.host ?? '').replace(/:\d+$/, '')
    const { origin } = request.headers
    const foreign = origin !== undefined && origin !== `http://${request.headers.host}`
    if (!names.has(named.replace(/^\[|\]$/g, '')) || foreign)
      await reply.status(403).send({
        reason: 'ForeignSite',
        message: `This server answers pages of its own address only, not ${origin ?? named}.`,
      })
    const type = request.headers['content-type']
    if (request.method === 'POST' && type !== undefined && !type.startsWith('application/json'))
      await reply
        .status(415)
        .send({ reason: 'BodyMalformed', message: `Send JSON, with content-type application/json, not ${type}.` })
  })
  if (pages !== undefined && existsSync(join(pages, 'index.html')))
    await fastify.register(fastifyStatic, { root: pages, wildcard: false, index: ['index.html'], preCompressed: true })
  await app.init()
  if (pages !== undefined && existsSync(join(pages, 'index.html')))
    fastify.get('/*', (request, reply) =>
      request.url.startsWith('/api/') || request.url.startsWith('/sync/')
        ? reply.status(404).send({ reason: 'PathUnknown', message: `There is nothing at ${request.url}.` })
        : reply.sendFile('index.html'),
    )
  try {
    await app.listen(port, host)
  } catch (cause) {
    await app.close()
    const taken = (cause as { code?: string }).code === 'EADDRINUSE'
    throw new CannotListen(
      taken
        ? `Port ${port} is taken by another program: stop that one, or choose others with --ports.`
        : `Cannot listen on ${host}:${port}: ${(cause as Error).message}`,
      { cause },
    )
  }
  const url = await app.getUrl()
  return { url, app, close: () => app.close() }
}

import { existsSync } from 'node:fs'
import type { Server } from 'node:https'
import { join } from 'node:path'
import 'reflect-metadata'
import fastifyStatic from '@fastify/static'
import type { Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { RefusalFilter } from './refusals.ts'
import { keepTls, readTls, type TlsFiles } from './tls.ts'

export type Served = { readonly url: string; close(): Promise<void>; readonly app: NestFastifyApplication }

export type ServeOptions = {
  readonly module: Type
  readonly port: number
  readonly host: string
  /** What others call this server by in a closed network that holds no one but them; none where it is this machine. */
  readonly knownAs?: readonly string[]
  /** Whoever sends something must be signed in, so that it may be reached from elsewhere. */
  readonly hasSignIn?: boolean
  /** Folder of the built pages; requests that name no file get index.html. */
  readonly pages: string | undefined
  readonly log: { info(line: string): void; error(line: string): void }
  /** Octets; a larger body is refused before it is read. */
  readonly bodyLimit?: number
  /** Speaks TLS itself; without it, plain HTTP for this machine or a proxy before it. */
  readonly tls?: TlsFiles | undefined
  /** Addresses or networks of proxies, whose word on who asked (`X-Forwarded-For`, `-Proto`) is believed. */
  readonly proxies?: readonly string[]
  readonly patience?: Patience
}

/** How long a client may take, and how much of it at once: whoever sends drop by drop holds nobody else up. */
export type Patience = {
  readonly headers_ms: number
  readonly request_ms: number
  readonly looks_ms: number
  readonly connections: number
  /** Bodies over 64 KiB that are being read or worked on at once; one more is asked to come again. */
  readonly largeBodies: number
}

const usualPatience: Patience = {
  headers_ms: 10_000,
  request_ms: 60_000,
  looks_ms: 2000,
  connections: 2000,
  largeBodies: 32,
}
const largeBody = 64 * 1024
const inAMoment_s = 1

/** The address or port cannot be had. The caller prints the line and stops. */
export class CannotListen extends Error {
  readonly code = 'CannotListen'
}

const loopback = new Set(['127.0.0.1', 'localhost', '::1'])
/** Does nobody but this machine reach it there? */
export const isLoopback = (host: string): boolean => loopback.has(host)

const headers = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

/** For an app without sign-in, before it does something such as spending an invitation. */
export const refuseOtherHosts = (host: string, knownAs: readonly string[] = []): void => {
  if (!loopback.has(host) && knownAs.length === 0)
    throw new CannotListen(
      `Refusing to listen on ${host}: nobody signs in here, so whoever reaches the port may move money. Use 127.0.0.1; ` +
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
 * One Nest application on Fastify. Without sign-in it listens on this machine only, or where it is told that a network
 * is closed; with or without, it answers to its names and no others.
 */
export const serve = async (options: ServeOptions): Promise<Served> => {
  const { module, port, host, knownAs = [], hasSignIn = false, pages, log, bodyLimit, tls, proxies = [] } = options
  const patience = options.patience ?? usualPatience
  if (!hasSignIn) refuseOtherHosts(host, knownAs)
  // 0.0.0.0 is where it listens, and nobody's name.
  const names = new Set([...loopback, ...knownAs, ...(/^(?:0\.0\.0\.0|::)$/.test(host) ? [] : [host])])
  const server = { headersTimeout: patience.headers_ms, connectionsCheckingInterval: patience.looks_ms }
  const adapter = new FastifyAdapter({
    bodyLimit: bodyLimit ?? largeBody,
    forceCloseConnections: true,
    frameworkErrors: badPath,
    requestTimeout: patience.request_ms,
    trustProxy: proxies.length === 0 ? false : [...proxies],
    ...(tls ? { https: { ...server, ...readTls(tls, Date.now()), minVersion: 'TLSv1.2' } } : { http: server }),
  })
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: false, abortOnError: false })
  app.useGlobalFilters(new RefusalFilter(error => log.error(`${error.message}\n${error.stack ?? ''}`)))
  const fastify = adapter.getInstance()
  fastify.server.maxConnections = patience.connections
  let large = 0
  // A page of another site may send a simple request to this port; its Origin tells. A name that is rebound to
  // 127.0.0.1 shows in Host.
  fastify.addHook('onRequest', async (request, reply) => {
    for (const [name, value] of Object.entries(headers)) void reply.header(name, value)
    if (request.protocol === 'https') void reply.header('strict-transport-security', 'max-age=31536000')
    const named = (request.headers.host ?? '').replace(/:\d+$/, '')
    const { origin } = request.headers
    // By https where a proxy stands before it: the name is the same, and so is the site.
    const own = [`http://${request.headers.host}`, `https://${request.headers.host}`]
    const foreign = origin !== undefined && !own.includes(origin)
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
    const octets = request.headers['content-length'] ?? (request.headers['transfer-encoding'] ? Infinity : 0)
    if (reply.sent || Number(octets) <= largeBody) return
    if (large >= patience.largeBodies) {
      const message = 'This server reads as much as it can at once: send the same again in a moment. Nothing was done.'
      await reply.status(503).header('retry-after', `${inAMoment_s}`).send({ reason: 'ServerBusy', message })
      return
    }
    large++
    reply.raw.once('close', () => large--)
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
  const stopLooking = tls ? keepTls(fastify.server as unknown as Server, tls, { now: () => Date.now(), log }) : () => {}
  return {
    url: await app.getUrl(),
    app,
    close: async () => {
      stopLooking()
      await app.close()
    },
  }
}

import 'reflect-metadata'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs'
import { request } from 'node:https'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { Body, Controller, Get, Module, Post, Req } from '@nestjs/common'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Patience, type Served, type ServeOptions, serve } from '#http/serve'
import { keepTls, readTls } from '#http/tls'
import { unanswered } from '#http/unanswered'
import { backOfficeModule } from '../../apps/back-office/api.ts'
import { makeWorld } from '../simulation/world.ts'

/** Whoever can reach a port: slowly, in masses, in the open, with a false certificate, or guessing. */

const vectors = join(import.meta.dirname, '..', 'vectors', 'tls')
const pair = (name: string) => ({ certificate: join(vectors, `${name}.pem`), key: join(vectors, `${name}.key`) })
const authority = readFileSync(join(vectors, 'authority.pem'), 'utf8')

@Controller('api')
class Echo {
  @Get('who') who(@Req() { ip, protocol }: { ip: string; protocol: string }) {
    return { ip, protocol }
  }
  @Post('echo') async echo(@Body() body: { text?: string; hold_ms?: number }) {
    await new Promise(resolve => setTimeout(resolve, body.hold_ms ?? 0))
    return { octets: body.text?.length ?? 0 }
  }
}
@Module({ controllers: [Echo] })
class EchoModule {}

const lines: string[] = []
const log = { info: (line: string) => void lines.push(line), error: (line: string) => void lines.push(line) }
const open: Served[] = []
const up = async (more: Partial<ServeOptions> = {}): Promise<Served> => {
  const served = await serve({ module: EchoModule, port: 0, host: '127.0.0.1', pages: undefined, log, ...more })
  open.push(served)
  return served
}
afterEach(async () => {
  for (const served of open.splice(0)) await served.close()
})
const portOf = ({ url }: Served): number => Number(new URL(url).port)

const hurried: Patience = { headers_ms: 300, request_ms: 600, looks_ms: 50, connections: 400, largeBodies: 2 }

/** Opens a connection, says the beginning of something, and then nothing. Says how long it was borne. */
const dawdler = async (port: number, text: string): Promise<{ readonly socket: Socket; ended: Promise<number> }> => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  const began = performance.now()
  socket.write(text)
  const ended = new Promise<number>(resolve => {
    socket.resume().once('close', () => resolve(performance.now() - began))
  })
  return { socket, ended }
}

describe('who sends slowly', () => {
  it.each([
    ['a header, letter by letter', 'GET /api/who HTTP/1.1\r\nHost: 127.0.0.1\r\nX-'],
    [
      'a body, letter by letter',
      'POST /api/echo HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n{"',
    ],
  ])('%s, is cut off, and keeps nobody waiting meanwhile', async (_, text) => {
    const served = await up({ patience: hurried })
    const port = portOf(served)
    const dawdlers = await Promise.all(Array.from({ length: 100 }, () => dawdler(port, text)))
    const drops = setInterval(() => {
      for (const { socket } of dawdlers) if (socket.writable) socket.write('a')
    }, 50)
    const began = performance.now()
    expect((await fetch(`${served.url}/api/who`)).status).toBe(200)
    expect(performance.now() - began).toBeLessThan(250)
    for (const borne of await Promise.all(dawdlers.map(({ ended }) => ended))) expect(borne).toBeLessThan(3000)
    clearInterval(drops)
  })
  it('has not the last connection: one over the limit is shut, and those that are there go on', async () => {
    const served = await up({ patience: { ...hurried, headers_ms: 30_000, request_ms: 40_000, connections: 20 } })
    const first = await dawdler(portOf(served), 'GET /api/who HTTP/1.1\r\n')
    const more = await Promise.all(Array.from({ length: 40 }, () => dawdler(portOf(served), 'GET /')))
    await Promise.any(more.map(({ ended }) => ended))
    const answer = once(first.socket, 'data')
    first.socket.write('Host: 127.0.0.1\r\n\r\n')
    expect(String((await answer)[0])).toContain('200 OK')
    for (const { socket } of [first, ...more]) socket.destroy()
  })
})

it('reads only so many large bodies at once, and asks the next to come again in a moment', async () => {
  const served = await up({ patience: hurried, bodyLimit: 200_000 })
  const send = (text: string, hold_ms: number) =>
    fetch(`${served.url}/api/echo`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text, hold_ms }),
    })
  const large = 'x'.repeat(100_000)
  const held = [send(large, 250), send(large, 250)]
  await new Promise(resolve => setTimeout(resolve, 100))
  const third = await send(large, 0)
  expect([third.status, third.headers.get('retry-after'), await third.json()]).toEqual([
    503,
    '1',
    { reason: 'ServerBusy', message: expect.stringContaining('in a moment') },
  ])
  expect((await send('small', 0)).status).toBe(201)
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([201, 201])
  expect((await send(large, 0)).status).toBe(201)
  expect((await send('x'.repeat(300_000), 0)).status).toBe(413)
})

/* ---- TLS */

type Reply = { readonly status: number | undefined; readonly headers: Record<string, unknown>; readonly body: string }
const get = (port: number, ca?: string): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: 'localhost', port, path: '/api/who', ...(ca ? { ca } : {}) }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
    })
    sent.on('error', reject).end()
  })
const serialAt = async (port: number): Promise<string> => {
  const socket = connectTls({ host: '127.0.0.1', port, ca: authority })
  await once(socket, 'secureConnect')
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

describe('TLS of the centre itself', () => {
  it('answers who trusts its authority, over TLS 1.2 or newer, and tells browsers to stay with it', async () => {
    const port = portOf(await up({ tls: pair('first') }))
    const { status, headers, body } = await get(port, authority)
    expect([status, JSON.parse(body)]).toEqual([200, { ip: '127.0.0.1', protocol: 'https' }])
    expect(headers['strict-transport-security']).toContain('max-age')
    const old = connectTls({ host: '127.0.0.1', port, ca: authority, maxVersion: 'TLSv1.1' })
    await expect(once(old, 'secureConnect')).rejects.toThrow(/protocol version|no protocols/i)
  })
  it('tells who does not what to do, in words', async () => {
    const port = portOf(await up({ tls: pair('first') }))
    const plain = portOf(await up())
    const why = (url: string) => fetch(url).then(() => 'an answer', unanswered)
    expect(await why(`https://localhost:${port}/api/who`)).toMatch(/NODE_EXTRA_CA_CERTS/)
    expect(await why(`https://localhost:${plain}/api/who`)).toMatch(/does not speak TLS/)
  })
  it('takes a renewed pair without a stop, and keeps the old one where the new one does not fit', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tallystick-tls-'))
    const files = { certificate: join(folder, 'site.pem'), key: join(folder, 'site.key') }
    const put = (certificate: string, key: string, at: number) => {
      copyFileSync(pair(certificate).certificate, files.certificate)
      copyFileSync(pair(key).key, files.key)
      for (const file of [files.certificate, files.key]) utimesSync(file, at, at)
    }
    put('first', 'first', 1)
    const served = await up({ tls: files })
    const server: unknown = served.app.getHttpAdapter().getInstance().server
    const stop = keepTls(server as Parameters<typeof keepTls>[0], files, { now: () => Date.now(), log, every_ms: 20 })
    const first = await serialAt(portOf(served))
    const until = async (line: RegExp): Promise<void> => {
      for (let n = 0; n < 200 && !lines.some(said => line.test(said)); n++)
        await new Promise(resolve => setTimeout(resolve, 20))
      expect(lines.join('\n')).toMatch(line)
    }
    put('second', 'first', 2)
    await until(/is not the private key .* The one before stays/)
    expect(await serialAt(portOf(served))).toBe(first)
    put('second', 'second', 3)
    await until(/is new, and in use/)
    expect(await serialAt(portOf(served))).not.toBe(first)
    stop()
    rmSync(folder, { recursive: true })
  })
  it.each([
    ['a key of another certificate', { ...pair('first'), key: pair('second').key }, /not the private key/],
    ['no file', { ...pair('first'), key: join(vectors, 'none.key') }, /cannot be read.*ENOENT/],
    ['no PEM', { ...pair('first'), certificate: join(import.meta.dirname, 'links.test.ts') }, /as PEM/],
  ])('does not begin with %s', (_, files, said) => {
    expect(() => readTls(files, Date.now())).toThrow(said)
  })
  it('does not begin with a certificate of long ago', () => {
    expect(() => readTls(pair('first'), Date.UTC(2200, 0))).toThrow(/was valid until .* renew it/)
  })
  it('warns while there is time', () => {
    const now = () => Date.parse('2126-07-10T00:00:00Z')
    lines.length = 0
    keepTls({} as Parameters<typeof keepTls>[0], pair('first'), { now, log })()
    expect(lines).toEqual([expect.stringMatching(/valid until .* only: renew it/)])
  })
})

describe('a proxy before the centre', () => {
  const headers = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' }
  it('is believed where it was named', async () => {
    const served = await up({ proxies: ['127.0.0.1'] })
    const answer = await (await fetch(`${served.url}/api/who`, { headers })).json()
    expect(answer).toEqual({ ip: '203.0.113.9', protocol: 'https' })
  })
  it('is nobody where it was not: an address that a stranger made up counts for nothing', async () => {
    const served = await up()
    const answer = await (await fetch(`${served.url}/api/who`, { headers })).json()
    expect(answer).toEqual({ ip: '127.0.0.1', protocol: 'http' })
  })
})

describe('codes that a stranger tries', () => {
  let served: Served
  beforeAll(async () => {
    const world = await makeWorld({ seed: 'links' })
    const nobody = async () => ({ reason: 'NotSignedIn', message: 'Sign in first.' })
    const module = backOfficeModule(world.centre(), nobody)
    served = await serve({ module, port: 0, host: '127.0.0.1', pages: undefined, log, hasSignIn: true })
  })
  afterAll(() => served.close())
  const octets = 'A'.repeat(64)
  const keys = { p256: octets, ed25519: octets }

  it.each([
    ['of a terminal', 'enrolments', (n: number) => ({ code: `T-9.${n}`, keys, proofs: keys })],
    ['of a phone', 'licenses', (n: number) => ({ code: `CODE-${n}`, publicKey: octets, proof: octets })],
  ])('%s cost more with each, and it is said for how long', async (_, path, body) => {
    const tryOnce = async (n: number) =>
      fetch(`${served.url}/sync/v1/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body(n)),
      })
    const statuses = new Set<number>()
    let last: Response | undefined
    for (let n = 0; n < 40 && last?.status !== 429; n++) {
      last = await tryOnce(n)
      statuses.add(last.status)
    }
    expect(last?.status).toBe(429)
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await last?.json()).toMatchObject({
      reason: 'CodeThrottled',
      message: expect.stringMatching(/again in \d+ s/),
    })
    expect([...statuses].filter(status => status >= 500)).toEqual([])
  })
})

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { base64url } from '#canonical/bytes'
import { chain, type Event } from '#canonical/event'
import { uuid7 } from '#canonical/ids'
import { projections } from '#projections'
import { exceptionWords } from '#reconciliation/events'
import { webhook, webhookFault } from '../../apps/back-office/webhook.ts'
import { teleportCredit } from '../newer.ts'
import { atCentre } from '../scenarios/hand.ts'
import { foldAnew } from '../simulation/rows-audit.ts'
import { makeWorld, type World } from '../simulation/world.ts'

/** What leaves the house, to a real server on this machine that fails, hangs, and dies after it has heard. */

type Heard = { readonly key: string; readonly body: { id: string; type: string; data: Record<string, unknown> } }
type Manner = (heard: Heard, request: IncomingMessage, response: ServerResponse) => void

let server: Server
let url: string
let heard: Heard[]
let manner: Manner
const yes: Manner = (_, __, response) => void response.writeHead(204).end()

beforeAll(async () => {
  server = createServer((request, response) => {
    let text = ''
    request.on('data', chunk => (text += chunk))
    request.on('end', () => {
      expect(request.method).toBe('POST')
      expect(request.headers['content-type']).toBe('application/json')
      const one = { key: String(request.headers['idempotency-key']), body: JSON.parse(text) as Heard['body'] }
      heard.push(one)
      manner(one, request, response)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

let world: World
const start = async (centres = 1) => {
  heard = []
  manner = yes
  world = await makeWorld({ seed: 'webhook', centres, webhook: webhook(url, 300) })
  await world.settle()
}
afterEach(() => world.end())

/** As a reactor raises it. */
const raise = async (key: string): Promise<Event> => {
  const { crypto, clock } = world
  const id = uuid7(clock.at, crypto.random(16))
  const act = { id, at: new Date(clock.at).toISOString(), by: 'reactor:test', correlation: id, causation: id }
  const data = { key, kind: 'Held', amount: '1250', currency: 'EUR', concerns: ['p-1'], message: `${key} waits.` }
  const [one] = chain(
    crypto,
    exceptionWords,
    `exception-${key}`,
    undefined,
    [{ type: 'ExceptionRaised', data }],
    act,
    () => base64url(crypto.random(16)),
  )
  const { event, text } = one as { event: Event; text: string }
  await world.log.append(`exception-${key}`, 'NoStream', [{ id: event.id, type: event.type, text }])
  await world.settle()
  return event
}
const deliver = async (place = 0): Promise<number> => {
  const tried = await world.centres[place]?.life.node.deliver?.()
  await world.settle()
  return tried ?? -1
}
const undelivered = () => world.centre().undelivered()
const seconds = (count: number) => (world.clock.at += count * 1000)

const wrongs: readonly (readonly [string, string | RegExp, Manner])[] = [
  ['fails', 'the answer was 500', (_, __, response) => void response.writeHead(500).end('no')],
  ['sends elsewhere', 'the answer was 302', (_, __, response) => void response.writeHead(302, { location: url }).end()],
  ['hangs', 'no answer: The operation was aborted due to timeout', () => {}],
  ['dies after it has heard', /^no answer: /, (_, request) => void request.socket.destroy()],
]

describe('a webhook', () => {
  it('is told of an exception once, as JSON, under the id of the event', async () => {
    await start()
    const event = await raise('one')
    expect(await undelivered()).toEqual({ waiting: 1, failing: 0, why: null })
    expect(await deliver()).toBe(1)
    expect(heard).toEqual([
      {
        key: event.id,
        body: {
          id: event.id,
          type: 'ExceptionRaised',
          at: event.at,
          index: world.log.events.findIndex(({ id }) => id === event.id),
          data: { key: 'one', kind: 'Held', amount: '1250', currency: 'EUR', concerns: ['p-1'], message: 'one waits.' },
        },
      },
    ])
    expect(await undelivered()).toEqual({ waiting: 0, failing: 0, why: null })
    seconds(3600)
    expect(await deliver()).toBe(0)
    expect(heard).toHaveLength(1)
  })

  it('of several, all, each under its own', async () => {
    await start()
    const keys = new Set<string>()
    for (let place = 0; place < 11; place++) keys.add((await raise(`e-${place}`)).id)
    while ((await deliver()) > 0);
    expect(heard.map(({ key }) => key).sort()).toEqual([...keys].sort())
  })

  it.each(wrongs)('that %s is asked again after a while, under the same key', async (_, why, wrong) => {
    await start()
    const event = await raise('one')
    manner = wrong
    expect(await deliver()).toBe(1)
    expect(heard.map(({ key }) => key)).toEqual([event.id])
    expect(await undelivered()).toMatchObject({ waiting: 1, failing: 1 })
    expect(atCentre<{ why: string }>(world, 'DeliveryFailed').map(({ data }) => data.why)).toEqual([
      typeof why === 'string' ? why : expect.stringMatching(why),
    ])
    // Not at once: it has its trouble already.
    seconds(4)
    expect(await deliver()).toBe(0)
    seconds(1)
    expect(await deliver()).toBe(1)
    seconds(9)
    expect(await deliver()).toBe(0)
    manner = yes
    seconds(1)
    expect(await deliver()).toBe(1)
    expect(heard.map(({ key }) => key)).toEqual([event.id, event.id, event.id])
    expect(await undelivered()).toEqual({ waiting: 0, failing: 0, why: null })
  })

  it('that nobody serves is told when somebody does', async () => {
    await start()
    await world.end()
    heard = []
    world = await makeWorld({ seed: 'nobody', webhook: webhook('http://127.0.0.1:9/hook', 300) })
    await raise('one')
    expect(await deliver()).toBe(1)
    const { why, failing } = (await undelivered()) ?? {}
    expect([failing, why]).toEqual([1, expect.stringMatching(/^no answer: /)])
  })

  it('is asked by one of two nodes, however close they look', async () => {
    await start(2)
    const events = [await raise('one'), await raise('two'), await raise('three')]
    const tried = await Promise.all([0, 1, 0, 1].map(async place => world.centres[place]?.life.node.deliver?.()))
    await world.settle()
    expect(tried.reduce<number>((sum, each) => sum + (each ?? 0), 0)).toBe(3)
    expect(heard.map(({ key }) => key).sort()).toEqual(events.map(({ id }) => id).sort())
  })

  it('is not asked by the second node while the first one waits for its answer', async () => {
    await start(2)
    await raise('one')
    manner = () => {}
    const waiting = world.centres[0]?.life.node.deliver?.()
    while (heard.length === 0) await new Promise(resolve => setTimeout(resolve, 5))
    await world.settle()
    expect(await deliver(1)).toBe(0)
    expect(heard).toHaveLength(1)
    await waiting
  })

  it('of a node that died between sending and noting it is asked again, under the same key', async () => {
    let noting = false
    await start(2)
    const event = await raise('one')
    // Whatever this node notes from here on is lost with it.
    manner = (...asked) => {
      noting = true
      yes(...asked)
    }
    const first = world.centres[0]?.life.node
    const append = world.log.append
    world.log.append = async (stream, ...rest) => {
      if (noting && stream.startsWith('delivery-')) throw new Error('the process was killed')
      return append(stream, ...rest)
    }
    await expect(first?.deliver?.()).rejects.toThrow('killed')
    world.log.append = append
    manner = yes
    expect(await deliver(1)).toBe(0)
    seconds(30)
    expect(await deliver(1)).toBe(1)
    expect(heard.map(({ key }) => key)).toEqual([event.id, event.id])
    expect(await undelivered()).toMatchObject({ waiting: 0 })
  })

  it('is not told again by a rebuild, nor of what is a week old', async () => {
    await start()
    await raise('one')
    await deliver()
    for (const projection of projections) await world.rows.reset(projection)
    await world.restartCentre()
    expect(await deliver()).toBe(0)
    await raise('two')
    seconds(7 * 86_400 + 1)
    expect(await deliver()).toBe(0)
    expect(heard).toHaveLength(1)
    const fresh = await foldAnew(world.log)
    for (const projection of projections)
      expect(await world.rows.fingerprint(projection, world.crypto)).toBe(
        await fresh.fingerprint(projection, world.crypto),
      )
  })

  it('is told of a follower that stopped', async () => {
    await start()
    const { log, clock, crypto } = world
    const event = await teleportCredit(crypto, log, clock.at)
    for (let turn = 0; turn < 1000 && heard.length === 0; turn++) {
      await new Promise(resolve => setImmediate(resolve))
      await world.centre().deliver?.()
    }
    expect(heard.map(({ body }) => [body.type, body.data['follower'], body.data['event']])).toEqual([
      ['FollowerStopped', 'verdicts', event.id],
    ])
  })
})

describe('an address that is none', () => {
  afterEach(() => {})
  it.each(['', 'localhost', 'ftp://127.0.0.1/', 'file:///etc/passwd', 'http://olga:secret@127.0.0.1/'])(
    '%j',
    address => {
      expect(webhookFault(address)).toMatch(/^--webhook takes .*\.$/)
      expect(webhookFault(address)).not.toContain('secret')
    },
  )
  it('http and https are none of them', () => {
    expect(webhookFault('http://127.0.0.1:8080/hook')).toBeUndefined()
    expect(webhookFault('https://example.org/hook')).toBeUndefined()
  })
})

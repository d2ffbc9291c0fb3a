import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { idleDrain, next } from '#sync/drain'
import { httpLink } from '../../apps/terminal/link.ts'
import { LinkDown } from '../../apps/terminal/ports.ts'
import { makeWorld, orThrow } from '../simulation/world.ts'

/** What answers in the centre's place: a captive portal, a proxy, a server gone wrong. Nothing is let go for it. */

let server: Server | undefined
afterEach(() => server?.close())

const answering = async (status: number, body: string, headers: Record<string, string> = {}) => {
  const made = createServer((_request, response) => response.writeHead(status, headers).end(body))
  server = made
  await once(made.listen(0, '127.0.0.1'), 'listening')
  const { port } = made.address() as AddressInfo
  return httpLink(`http://127.0.0.1:${port}`, 'T-1', new AbortController().signal)
}
const batch = { from: 0, events: ['{}'], statement: '' }

describe('an answer that is no centre’s', () => {
  it.each([
    ['a page', 200, '<html>Welcome to the hotel</html>'],
    ['an empty object', 200, '{}'],
    ['a revision in words', 200, '{"acceptedTo":"all","rules":{"policy":1,"denyList":1,"keySet":1},"at":"now"}'],
    ['nothing', 200, 'null'],
    ['a refusal without words', 403, '{}'],
    ['a fault', 500, '{"reason":"Fault","message":"x"}'],
  ])('%s is a link that is down', async (_, status, body) => {
    const link = await answering(status, body)
    await expect(link.send(batch)).rejects.toThrow(LinkDown)
    await expect(link.rules('signed')).rejects.toThrow(LinkDown)
    await expect(link.log('signed', 0)).rejects.toThrow(LinkDown)
  })

  it.each([
    ['a log of numbers', { held: '', events: [1], at: '2026-11-23T09:00:00.000Z' }],
    ['more events than a batch may have', { held: '', events: Array(1001).fill('{}'), at: '2026-11-23T09:00:00.000Z' }],
    ['a word without end', { held: 'x'.repeat(5000), events: [], at: '2026-11-23T09:00:00.000Z' }],
  ])('%s is no log', async (_, body) => {
    const link = await answering(200, JSON.stringify(body))
    await expect(link.log('signed', 0)).rejects.toThrow(LinkDown)
  })

  it('a refusal of the trade is an answer', async () => {
    const link = await answering(409, '{"reason":"BatchGap","message":"from 3","acceptedTo":2}')
    expect(await link.send(batch)).toMatchObject({ reason: 'BatchGap', acceptedTo: 2 })
  })
})

describe('a centre that is busy', () => {
  it.each([
    ['429 and a time', 429, { 'retry-after': '7' }, 7],
    ['503 and a time', 503, { 'retry-after': '90' }, 90],
    ['503 and a date, which it never says', 503, { 'retry-after': 'Mon, 23 Nov 2026 09:00:00 GMT' }, undefined],
    ['503 and nothing', 503, {}, undefined],
  ] as const)('%s is obeyed as it is said', async (_, status, headers, retryAfter_s) => {
    const link = await answering(status, '{"reason":"ServerBusy","message":"come again"}', headers)
    const fault = await link.send(batch).catch((error: unknown) => error)
    expect(fault).toBeInstanceOf(LinkDown)
    expect(fault).toMatchObject({ retryAfter_s })
  })

  it('is left alone for so long, and no less than the back-off', () => {
    const waitFor = (retryAfter_s: number) => next(idleDrain, { type: 'Failed', jitter: 0, retryAfter_s }).wait_ms
    expect(waitFor(90)).toBe(90_000)
    expect(waitFor(0)).toBe(250)
  })
})

it('who acknowledges more than was written is not believed, and what waits goes on waiting', async () => {
  const rules = { policy: 1, denyList: 1, keySet: 1 }
  const world = await makeWorld({
    seed: 'too kind',
    breakTerminal: parts => ({
      ...parts,
      link: { ...parts.link, send: async () => ({ acceptedTo: 9_999, rules, at: '2026-11-23T09:00:00.000Z' }) },
    }),
  })
  orThrow(await world.key(1250n))
  expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
  expect(await world.till().syncNow()).toMatchObject({ reason: 'CentreUnreachable' })
  expect(world.till().status().waiting).toEqual({ count: 1, sum: 1250n })
  await world.end()
})

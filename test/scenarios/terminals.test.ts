import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fromBase64url } from '#canonical/bytes'
import { verifyEvent } from '#canonical/event'
import { readCertificate } from '#license/certificate'
import { type SyncRequest, signRequest } from '#license/request'
import { amount } from '#money'
import { makeBatch } from '#sync/batch'
import { intake } from '../../apps/back-office/intake.ts'
import { standings } from '../../apps/back-office/standing.ts'
import { enrolWith } from '../../apps/terminal/enrol.ts'
import { reactAgain } from '../simulation/rows-audit.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'
import { atCentre, atTerminal } from './hand.ts'

/** A terminal's life after its enrolment, told through the apps' own nodes: moved, suspended, renewed, replaced, retired. */

const by = 'operator:test'
const hour_ms = 3_600_000
const day_ms = 24 * hour_ms
const reason = 'the street is dug up'

const sell = async (world: World, amount: bigint): Promise<void> => {
  orThrow(await world.key(amount))
  expect(await world.tap('anna')).toMatchObject({ outcome: 'paid' })
}
type Verdict = { readonly gross: string; readonly shop: string; readonly exceptions: readonly string[] }
const shopsOfSales = (world: World) =>
  Object.fromEntries(atCentre<Verdict>(world, 'PaymentAccepted').map(({ data }) => [data.gross, data.shop]))
const reactionsFollow = (world: World) => reactAgain((_, pass, why) => expect(pass, why()).toBe(true), world)

describe('a terminal that is moved', () => {
  let world: World
  beforeAll(async () => {
    world = await makeWorld({ seed: 'moved' })
    const shop = { shop: 's-2', merchant: 'm-1', name: 'Harbour', zone: 'Pacific/Auckland' }
    orThrow(await world.centre().openShop({ ...shop, by }))
  })
  afterAll(() => world.end())

  it('closes its day where it was opened, and each sale belongs to the shop of its own day', async () => {
    await sell(world, 100n)
    orThrow(await world.centre().moveTerminal({ terminal: 'T-1', shop: 's-2', reason, by }))
    orThrow(await world.sync())
    // It has heard, and its day is still the old shop's.
    expect(atTerminal(world, 'AssignmentAdopted').at(-1)?.data).toMatchObject({ shop: 's-2', shopName: 'Harbour' })
    world.network(false)
    world.till().setNetwork(false)
    await sell(world, 200n)
    orThrow(await world.till().closeDay())
    orThrow(await world.till().openDay())
    await sell(world, 300n)
    // Both come in one batch, long after the move.
    world.network(true)
    world.till().setNetwork(true)
    orThrow(await world.sync())
    expect(shopsOfSales(world)).toEqual({ '100': 's-1', '200': 's-1', '300': 's-2' })
  })

  it('turns its days in the zone of its new shop, from the next day on', () => {
    const [first, second] = atTerminal(world, 'DayOpened').map(({ data }) => data.businessDate)
    // 09:00 in Berlin is still evening of the same date in Auckland; its date is that of the shop it was moved to.
    expect(first).toBe('2026-11-23')
    expect(second).toBe(new Intl.DateTimeFormat('en-CA', { timeZone: 'Pacific/Auckland' }).format(world.clock.at))
  })

  it('is certified for its new shop, by a certificate that its log goes on from', async () => {
    const [adopted] = atTerminal(world, 'CertificateAdopted')
    expect(readCertificate(fromBase64url(adopted?.data.certificate ?? ''))).toMatchObject({
      terminal: 'T-1',
      shop: 's-2',
      merchant: 'm-1',
    })
    await world.restartTerminal('T-1')
    expect(world.till().place.shop()).toBe('s-2')
    await sell(world, 400n)
    orThrow(await world.sync())
    expect(shopsOfSales(world)).toMatchObject({ '400': 's-2' })
  })

  it('shows at its new shop, and in the days of both', async () => {
    const { terminals } = orThrow(await world.centre().ask.terminals())
    expect(terminals[0]).toMatchObject({ terminal: 'T-1', shop: 's-2', state: 'enrolled', told: true })
    expect(await world.centre().ask.terminal('T-1')).toMatchObject({
      label: null,
      certificate: { daysLeft: 90, warning: null },
      lastSeen: new Date(world.clock.at).toISOString(),
    })
    expect(await world.centre().ask.terminal('T-7')).toMatchObject({ reason: 'TerminalUnknown' })
    orThrow(await world.centre().renameTerminal({ terminal: 'T-1', label: 'Left till', by }))
    orThrow(await world.centre().renameShop({ shop: 's-2', name: 'Old harbour', by }))
    expect(await world.centre().ask.terminal('T-1')).toMatchObject({ label: 'Left till' })
    expect(await world.centre().ask.shops()).toMatchObject({
      shops: [
        { shop: 's-1', merchant: 'm-1', name: 'Corner', zone: 'Europe/Berlin' },
        { shop: 's-2', merchant: 'm-1', name: 'Old harbour', zone: 'Pacific/Auckland' },
      ],
    })
    const { days } = orThrow(await world.centre().ask.reconciliation()) as { days: readonly { shop: string }[] }
    expect(days.map(({ shop }) => shop).sort()).toEqual(['s-1', 's-2'])
    await reactionsFollow(world)
  })

  it('not to a shop of another merchant, and not to one that nobody opened', async () => {
    const terms = { name: 'Other', currency: 'EUR', feeBasisPoints: 0, taxBasisPoints: 0 } as const
    orThrow(await world.centre().openMerchant({ merchant: 'm-2', ...terms, by }))
    orThrow(await world.centre().openShop({ shop: 's-9', merchant: 'm-2', name: 'Theirs', zone: 'UTC', by }))
    const to = (shop: string) => world.centre().moveTerminal({ terminal: 'T-1', shop, reason, by })
    expect(await to('s-9')).toMatchObject({ reason: 'MerchantDiffers' })
    expect(await to('s-0')).toMatchObject({ reason: 'ShopUnknown' })
  })

  it('a shop’s new zone reaches it the same way', async () => {
    orThrow(await world.centre().setZone({ shop: 's-2', zone: 'America/Lima', by }))
    expect(await world.centre().setZone({ shop: 's-2', zone: '+05:00', by })).toMatchObject({ reason: 'ZoneUnknown' })
    orThrow(await world.sync())
    expect(world.till().place.zone()).toBe('America/Lima')
  })
})

describe('a terminal that is suspended', () => {
  let world: World
  beforeAll(async () => {
    world = await makeWorld({ seed: 'suspended' })
  })
  afterAll(() => world.end())

  it('takes what it has not heard of, and the centre takes that from it', async () => {
    world.network(false)
    orThrow(await world.centre().suspendTerminal({ terminal: 'T-1', reason: 'seen in a pawn shop', by }))
    await sell(world, 100n)
    world.network(true)
    orThrow(await world.sync())
    expect(shopsOfSales(world)).toEqual({ '100': 's-1' })
  })

  it('then says so to the cashier, also after a restart, and closes its day', async () => {
    const refusal = { reason: 'TerminalSuspended', message: expect.stringContaining('seen in a pawn shop') }
    expect(await world.key(200n)).toMatchObject(refusal)
    await world.restartTerminal('T-1')
    expect(await world.key(200n)).toMatchObject(refusal)
    expect(world.till().status().outOfService).toMatchObject(refusal)
    // Who stole it would have friends to give something back to.
    const [sold] = world.till().till.recorded.keys()
    expect(await world.till().refundTransaction('r-thief', sold as string, amount(100n))).toMatchObject(refusal)
    expect(await world.till().voidTransaction('v-thief', sold as string)).toMatchObject(refusal)
    orThrow(await world.till().closeDay())
  })

  it('gets no new certificate', async () => {
    const request = signRequest(
      world.crypto,
      world.shops.get('T-1')?.identity.keys.p256 as never,
      asked(world, 'certificate'),
    )
    world.clock.at += 46 * day_ms
    const late = { ...asked(world, 'certificate') }
    const now = signRequest(world.crypto, world.shops.get('T-1')?.identity.keys.p256 as never, late)
    expect(await world.centre().renewCertificate('T-1', request)).toMatchObject({ reason: 'RequestTimeOff' })
    expect(await world.centre().renewCertificate('T-1', now)).toMatchObject({ reason: 'TerminalSuspended' })
  })

  it('and serves again when it has heard that it is reinstated', async () => {
    orThrow(await world.centre().reinstateTerminal({ terminal: 'T-1', reason: 'it was another', by }))
    orThrow(await world.sync())
    orThrow(await world.till().openDay())
    await sell(world, 300n)
    await reactionsFollow(world)
  })
})

const asked = (world: World, asks: SyncRequest['asks']): SyncRequest => ({
  origin: world.keys.origin,
  terminal: 'T-1',
  asks,
  time: Math.floor(world.clock.at / 1000),
  nonce: world.crypto.random(16),
})

describe('what a terminal asks for itself', () => {
  let world: World
  beforeAll(async () => {
    world = await makeWorld({ seed: 'asking', terminals: 2 })
  })
  afterAll(() => world.end())

  const signedBy = (id: string, change: Partial<SyncRequest> = {}) =>
    signRequest(world.crypto, world.shops.get(id)?.identity.keys.p256 as never, { ...asked(world, 'rules'), ...change })

  it('is told to it, and to nobody in its name', async () => {
    const answer = await world.centre().rulesFor('T-1', signedBy('T-1', { software: '9.9.9' }))
    expect(answer).toMatchObject({ policy: expect.any(String), assignment: expect.any(String) })
    for (const [request, why] of [
      [undefined, 'nothing signed'],
      ['', 'nothing in it'],
      ['!!!', 'no octets'],
      ['A'.repeat(4000), 'too much'],
      [signedBy('T-2'), 'signed by another'],
      [signedBy('T-1', { terminal: 'T-2' }), 'for another'],
      [signedBy('T-1', { asks: 'certificate' }), 'another question'],
      [signedBy('T-1', { origin: 'tallystick.dev/log/other' }), 'another centre'],
    ] as const)
      expect(await world.centre().rulesFor('T-1', request), why).toMatchObject({ reason: 'RequestSignatureInvalid' })
    expect(await world.centre().rulesFor('T-7', signedBy('T-1'))).toMatchObject({ reason: 'TerminalUnknown' })
  })

  it('said again after its minutes, or before them, is refused with the centre’s time', async () => {
    const at = (off_s: number) =>
      world.centre().rulesFor('T-1', signedBy('T-1', { time: Math.floor(world.clock.at / 1000) + off_s }))
    expect(await at(-300)).not.toHaveProperty('reason')
    expect(await at(300)).not.toHaveProperty('reason')
    for (const off_s of [-301, 301])
      expect(await at(off_s)).toMatchObject({
        reason: 'RequestTimeOff',
        at: new Date(Math.floor(world.clock.at / 1000) * 1000).toISOString(),
      })
  })

  it('is asked by the centre’s time, where the terminal’s clock is off by hours', async () => {
    world.skew(5 * hour_ms)
    const heard = world.shops.get('T-1')?.heard_ms
    orThrow(await world.sync())
    expect(world.till().status().lastSyncError).toBeUndefined()
    expect(world.shops.get('T-1')?.heard_ms).not.toBe(heard)
  })
})

describe('a certificate', () => {
  let world: World
  beforeAll(async () => {
    world = await makeWorld({ seed: 'certified' })
  })
  afterAll(() => world.end())
  const certificates = () => atTerminal(world, 'CertificateAdopted')

  it('is left alone in its first half, and renewed once past it', async () => {
    const shop = world.shops.get('T-1')
    world.clock.at += 44 * day_ms
    orThrow(await world.sync())
    expect(certificates()).toEqual([])
    world.clock.at += 2 * day_ms
    orThrow(await world.sync())
    orThrow(await world.sync())
    expect(certificates()).toHaveLength(1)
    expect(atCentre(world, 'CertificateRenewed')).toHaveLength(1)
    const { expires } = readCertificate(fromBase64url(certificates()[0]?.data.certificate ?? ''))
    expect(expires * 1000).toBe(Math.floor(world.clock.at / 1000) * 1000 + 90 * day_ms)
    // The stream goes on from the first one's hash: every event of it still follows the one before.
    let prev: string | undefined
    for (const { text } of shop?.store.events ?? []) {
      const event = verifyEvent(world.crypto, text)
      if (prev !== undefined) expect(event.prev).toBe(prev)
      prev = event.hash
    }
    orThrow(await world.till().closeDay())
    orThrow(await world.till().openDay())
    await sell(world, 100n)
    orThrow(await world.sync())
    expect(atCentre<Verdict>(world, 'PaymentAccepted').map(({ data }) => data.exceptions)).toEqual([[]])
  })

  it('warns before its end, at fourteen, seven and one days, and is not sold under after it', async () => {
    world.network(false)
    const start = world.clock.at
    const at = (days: number) => {
      world.clock.at = start + days * day_ms
      return world.till().status().certificate
    }
    expect(at(75)).toMatchObject({ daysLeft: 15, warning: null })
    expect(at(76.5)).toMatchObject({ daysLeft: 14, warning: 14 })
    expect(at(83.5)).toMatchObject({ daysLeft: 7, warning: 7 })
    expect(at(89.5)).toMatchObject({ daysLeft: 1, warning: 1 })
    expect(at(90)).toMatchObject({ daysLeft: 0, warning: 0 })
    expect(await world.key(100n)).toMatchObject({ reason: 'CertificateExpired' })
  })

  it('comes back with the network', async () => {
    world.network(true)
    orThrow(await world.sync())
    expect(world.till().status().certificate).toMatchObject({ daysLeft: 90, warning: null })
    expect(await world.key(100n)).toMatchObject({ state: 'waiting' })
    await reactionsFollow(world)
  })
})

describe('a certificate whose key was stolen', () => {
  let world: World
  beforeAll(async () => {
    world = await makeWorld({ seed: 'stolen certificate key' })
  })
  afterAll(() => world.end())

  it('is renewed at once, by the key that signs now, and the till sells under it', async () => {
    const { authority } = world.centre()
    const kidOfNow = async () => {
      const { keys } = await authority.look()
      return keys.find(key => key.purpose === 'certificate' && key.signs)?.kid as string
    }
    const stolen = await kidOfNow()
    const notBefore = new Date(world.clock.at).toISOString()
    orThrow(await authority.rotateKey({ purpose: 'certificate', notBefore, reason: 'a disk was lost', by }))
    orThrow(await authority.compromiseKey({ kid: stolen, reason: 'a disk was lost', by }))
    orThrow(await world.sync())
    orThrow(await world.sync())
    expect(atTerminal(world, 'CertificateAdopted')).toHaveLength(1)
    const { kid } = world.till().place.certified()
    expect(Buffer.from(kid).toString('hex')).toBe(await kidOfNow())
    expect(await kidOfNow()).not.toBe(stolen)
  })
})

describe('a terminal that is out of service for good', () => {
  let world: World
  beforeAll(async () => {
    world = await makeWorld({ seed: 'replaced' })
  })
  afterAll(() => world.end())

  it('is replaced by another with an id of its own, which has its place and nothing else', async () => {
    world.network(false)
    await sell(world, 100n)
    const replace = { terminal: 'T-1', replacement: 'T-1b', reason: 'coffee', by }
    const invited = orThrow(await world.centre().replaceTerminal(replace)) as { code: string; rootFingerprint: string }
    const { identity } = await enrolWith(world.crypto, invited.code, invited.rootFingerprint, request =>
      world.centre().enrol(request),
    )
    expect(readCertificate(fromBase64url(identity.certificate))).toMatchObject({ terminal: 'T-1b', shop: 's-1' })
    expect(await world.centre().replaceTerminal({ ...replace, replacement: 'T-1c' })).toMatchObject({
      reason: 'TerminalReplaced',
    })
    // What the old one took is a fact, and comes home when somebody plugs it in.
    world.network(true)
    orThrow(await world.sync())
    expect(shopsOfSales(world)).toEqual({ '100': 's-1' })
    expect(await world.key(200n)).toMatchObject({ reason: 'TerminalReplaced' })
  })

  it('lost, it is declared so once, and a payment it brings even so is judged', async () => {
    orThrow(await world.centre().declareTerminalLost({ terminal: 'T-1', reason: 'not in the drawer', by }))
    orThrow(await world.centre().declareTerminalLost({ terminal: 'T-1', reason: 'still not', by }))
    expect(atCentre(world, 'TerminalLost')).toHaveLength(1)
    orThrow(await world.sync())
    expect(await world.key(200n)).toMatchObject({ reason: 'TerminalLost' })
  })

  it('retired, nothing more of it is taken, and nothing it holds is thrown away', async () => {
    orThrow(await world.centre().retireTerminal({ terminal: 'T-1', reason: 'scrapped', by }))
    orThrow(await world.till().closeDay())
    const held = world.log.events.filter(({ stream }) => stream === 'terminal-T-1').length
    expect(await world.sync()).toMatchObject({ reason: 'TerminalRetired' })
    expect(world.log.events.filter(({ stream }) => stream === 'terminal-T-1')).toHaveLength(held)
    expect(await world.key(200n)).toMatchObject({ reason: 'TerminalRetired' })
    expect(world.shops.get('T-1')?.store.events.at(-1)?.type).toBe('AssignmentAdopted')
    const { terminals } = orThrow(await world.centre().ask.terminals())
    expect(terminals.map(({ terminal, state }) => [terminal, state])).toEqual([
      ['T-1', 'retired'],
      ['T-1b', 'enrolled'],
    ])
  })

  it('is not retired by surprise while it said that it has something to send', async () => {
    const other = await makeWorld({ seed: 'waiting' })
    const { identity, store } = other.shops.get('T-1') as NonNullable<ReturnType<World['shops']['get']>>
    await sell(other, 100n)
    await sell(other, 200n)
    // A terminal that drains in pieces says with each what is left after it.
    const first = store.events[0]?.text ?? ''
    const waiting = { count: 2, sum: '300', currency: 'EUR' }
    const { origin, mode, keys } = identity
    const head = verifyEvent(other.crypto, first).hash
    const statement = { origin, terminal: 'T-1', mode, from: 0, count: 1, head, waiting }
    orThrow(await other.centre().acceptBatch('T-1', makeBatch(other.crypto, keys.p256, statement, [first])))
    const retire = { terminal: 'T-1', reason: 'scrapped', by }
    expect(await other.centre().retireTerminal(retire)).toMatchObject({
      reason: 'TerminalHasWaiting',
      message: expect.stringContaining('2 payments, 3.00 EUR'),
    })
    expect(await other.centre().retireTerminal({ ...retire, evenSo: true })).toMatchObject({ terminal: 'T-1' })
    await other.end()
  })
})

it('a live centre takes nothing of a test terminal, whatever its log says of it', async () => {
  const world = await makeWorld({ seed: 'fenced' })
  await sell(world, 100n)
  const { identity, store } = world.shops.get('T-1') as NonNullable<ReturnType<World['shops']['get']>>
  const texts = store.events.map(({ text }) => text)
  const head = verifyEvent(world.crypto, texts.at(-1) as string).hash
  const waiting = { count: 0, sum: '0', currency: 'EUR' }
  const statement = {
    origin: identity.origin,
    terminal: 'T-1',
    mode: 'test' as const,
    from: 0,
    count: texts.length,
    head,
    waiting,
  }
  const batch = makeBatch(world.crypto, identity.keys.p256, statement, texts)
  const before = world.log.events.length
  const live = intake({
    store: world.log,
    crypto: world.crypto,
    origin: identity.origin,
    mode: 'live',
    known: standings(world.log),
    salt: () => 'c2FsdHNhbHRzYWx0c2FsdA',
    now: () => '2026-11-23T12:00:00.000Z',
    contradicting: async () => undefined,
    onFault: () => {},
  })
  expect(await live('T-1', batch)).toMatchObject({ reason: 'ModeMismatch', stated: 'test', actual: 'live' })
  expect(world.log.events).toHaveLength(before)
  await world.end()
})

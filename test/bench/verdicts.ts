import { join } from 'node:path'
import { type Bytes, base64url, fromBase64url, utf8 } from '#canonical/bytes'
import { encode } from '#canonical/cbor'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { isRefusal } from '#canonical/decider'
import { type Event, trustEvent } from '#canonical/event'
import { type EventStore, readStream, type StoredEvent } from '#eventstore'
import { memoryStore } from '#eventstore/memory'
import { sqliteStore } from '#eventstore/sqlite'
import { redoTap, tapsOfTerminal } from '#evidence/taps'
import { verdicts } from '#evidence/verdicts'
import { readCertificate } from '#license/certificate'
import { parse1, type Signed } from '#license/cose'
import { openAuth, openBase } from '#license/hpke'
import { openPayment } from '#license/payment'
import { tacKeyOf, tacOf } from '#license/tac'
import { nodeCrypto } from '#machine/crypto'
import { openStatus, recordOf, tapHashOf } from '#tap/messages'
import { attemptFrom } from '#tap/terminal'
import { intake } from '../../apps/back-office/intake.ts'
import { standings } from '../../apps/back-office/standing.ts'
import { batchesOf, copyInto } from './intake.ts'
import { byTurns, type Pace, paced, paceOf, type Row, ratioOf } from './measure.ts'
import type { Shop } from './shop.ts'

const rounds = 5

export const verdictsRow = async (shop: Shop, folder: string): Promise<Row> => {
  const now = () => new Date().toISOString()
  const crypto = nodeCrypto()
  const salt = () => base64url(crypto.random(16))

  /* ---- the centre's log with every batch in it, and no verdict yet */

  const log = memoryStore(now)
  await copyInto(log, shop.centre)
  const accept = intake({
    store: log,
    crypto,
    origin: shop.keys.origin,
    mode: shop.keys.mode,
    known: standings(log),
    salt,
    now,
    contradicting: async () => undefined,
    onFault: () => {},
  })
  for (const batch of batchesOf(shop)) {
    const answer = await accept('T-1', batch)
    if (isRefusal(answer)) throw new Error(answer.message)
  }
  const told = [...log.events]
  const inputs = tapsIn(shop, told)
  const count = inputs.length

  const judgeOn = async (store: EventStore, keeps: string): Promise<Pace> => {
    await copyInto(store, told)
    const reactor = verdicts({ store, crypto: nodeCrypto(), keys: shop.keys, salt })
    const taken = await paced(count, async () => {
      for (const { type, text, index, storedAt } of told)
        if (reactor.wants(type)) await reactor.handle({ ...trustEvent(text), index, storedAt } as Event)
    })
    const first = (await readStream(store, `payment-${inputs.at(-1)?.payment}`))[0]
    if (first?.type !== 'PaymentAccepted')
      throw new Error(`${keeps}: the last tap was not accepted, but ${first?.type}`)
    return taken
  }

  const inMemory = () => judgeOn(memoryStore(now), 'in memory')
  const onDisk = async (round: number) => {
    const store = sqliteStore(join(folder, `verdicts-${round}.sqlite`), now)
    const judged = await judgeOn(store, 'on disk')
    store.close()
    return judged
  }
  const checks = async (): Promise<Pace> => {
    const fresh = nodeCrypto()
    return paced(count, () => redoAll(fresh, shop, told))
  }
  const bare = async (): Promise<Pace> => {
    const fresh = nodeCrypto()
    return paced(count, () => {
      for (const input of inputs) bareCrypto(fresh, input)
    })
  }

  await inMemory()
  await bare()
  const rates = await byTurns(rounds, { bare, checks, inMemory, onDisk })
  return {
    name: 'verdicts',
    what: `a terminal's taps judged at the centre, ${rounds} rounds by turns`,
    durable: 'on disk: WAL, synchronous=FULL, one commit a verdict; the others keep nothing',
    checked:
      'all checks of the tap from its octets; bare: the same two HPKE openings, three signatures, TAC and hashes from parts that were taken apart before',
    data: `${count} taps of ${new Set(inputs.map(({ app }) => base64url(app))).size} phones, one terminal`,
    figures: [
      ...paceOf('verdicts, log in memory', 'taps/s', rates.inMemory, { atLeast: 1500 }),
      ...paceOf('verdicts, log on disk', 'taps/s', rates.onDisk),
      ...paceOf('the checks alone', 'taps/s', rates.checks),
      ...paceOf('bare cryptography', 'taps/s', rates.bare),
      ...ratioOf('verdicts, in memory, of bare', rates.inMemory, rates.bare, { atLeast: 0.7 }),
      ...ratioOf('the checks of bare', rates.checks, rates.bare),
    ],
  }
}

/* ---- every check again from the log, without a verdict */

const redoAll = (crypto: Crypto, { keys, identity }: Shop, told: readonly StoredEvent[]): void => {
  const taps = tapsOfTerminal()
  const terminalKey = readCertificate(fromBase64url(identity.certificate)).keys.p256
  const rootPublicKey = keys.root.publicKey
  for (const { stream, text } of told) {
    if (stream !== 'terminal-T-1') continue
    const event = trustEvent(text) as Event<{ transaction: string }>
    taps.apply(event)
    if (event.type !== 'TransactionRecorded') continue
    const tap = taps.tap(event.data.transaction)
    const redone =
      tap &&
      redoTap(crypto, tap, {
        rootPublicKey,
        terminalKey,
        tacKeyFor: ({ id }) => tacKeyOf(crypto, keys.tacMaster.key, id),
      })
    if (!redone || redone.checks.some(({ pass }) => !pass))
      throw new Error(`The checks of ${event.data.transaction} fail`)
    taps.forget(event.data.transaction)
  }
}

/* ---- the same cryptography with nothing around it */

type Verified = { readonly key: Bytes; readonly message: Bytes; readonly signature: Bytes }
type Input = {
  readonly payment: string
  readonly sealing: KeyPair
  readonly app: Bytes
  readonly getRequest: Bytes
  readonly frames: Bytes
  readonly status: Bytes
  readonly sealed: Bytes
  readonly license: Verified
  readonly deduction: Verified
  readonly paid: Verified
  readonly payload: Bytes
  readonly unproved: Parameters<typeof tacOf>[2]
  readonly licenseId: string
  readonly tacMaster: Bytes
}

const statusInfo = utf8('tallystick.dev:status/1')
const paymentInfo = utf8('tallystick.dev:payment/1')
const none = new Uint8Array(0)

const bareCrypto = (crypto: Crypto, input: Input): void => {
  const { sealing, app, getRequest, frames, status, sealed, license, deduction, paid, payload } = input
  const aad = crypto.sha256(getRequest)
  const opened = openBase(crypto, { recipient: sealing, info: statusInfo, aad, sealed: status })
  const tapHash = crypto.sha256(frames)
  const info = new Uint8Array([...paymentInfo, ...tapHash])
  const signed = openAuth(crypto, { sender: app, recipient: sealing, info, aad: none, sealed })
  const holds = [license, deduction, paid].every(({ key, message, signature }) =>
    crypto.verify('P-256', key, message, signature),
  )
  crypto.sha256(payload)
  const tac = tacOf(crypto, tacKeyOf(crypto, input.tacMaster, input.licenseId), input.unproved)
  if (!opened || !signed || !holds || tac.length !== 8) throw new Error('The bare cryptography fails')
}

const signedOf = (octets: Bytes, type: string, key: Bytes): Verified => {
  const { protectedHeader, payload, signature }: Signed = parse1(octets)
  return { key, message: encode(['Signature1', protectedHeader, utf8(type), payload]), signature }
}

const tapsIn = ({ keys, identity }: Shop, told: readonly StoredEvent[]): Input[] => {
  const crypto = nodeCrypto()
  const taps = tapsOfTerminal()
  const terminalKey = readCertificate(fromBase64url(identity.certificate)).keys.p256
  const inputs: Input[] = []
  for (const { stream, text } of told) {
    if (stream !== 'terminal-T-1') continue
    const event = trustEvent(text) as Event<{ transaction: string; payment: string }>
    taps.apply(event)
    if (event.type !== 'TransactionRecorded') continue
    const tap = taps.tap(event.data.transaction)
    if (!tap?.response) throw new Error(`No tap for ${event.data.transaction}`)
    const { sealing, getRequest, getResponse, put } = attemptFrom(tap.attempts.at(-1) as (typeof tap.attempts)[number])
    const answer = openStatus(crypto, getRequest, getResponse, sealing)
    if (!answer || 'decline' in answer) throw new Error('The status does not open')
    const { publicKey, id } = redoTap(crypto, tap, { rootPublicKey: keys.root.publicKey, terminalKey }).license ?? {}
    if (!publicKey || id === undefined) throw new Error('The license does not read')
    const tapHash = tapHashOf(crypto, getRequest, getResponse, put)
    const sealed = recordOf(fromBase64url(tap.response), 'payment')
    const opened = openPayment(crypto, sealed, { sealing, appPublicKey: publicKey, tapHash })
    if ('failure' in opened) throw new Error('The payment does not open')
    inputs.push({
      payment: event.data.payment,
      sealing,
      app: publicKey,
      getRequest,
      frames: framesOf([getRequest, getResponse, put]),
      status: recordOf(getResponse, 'sealed'),
      sealed,
      license: signedOf(answer.license, 'license', keys.license.publicKey),
      deduction: signedOf(recordOf(put, 'deduction'), 'deduction', terminalKey),
      paid: signedOf(opened.signed, 'payment', publicKey),
      payload: opened.payload,
      unproved: opened.payment,
      licenseId: id,
      tacMaster: keys.tacMaster.key,
    })
  }
  return inputs
}

const framesOf = (messages: readonly Bytes[]): Bytes =>
  new Uint8Array(
    Buffer.concat(
      messages.flatMap(message => {
        const length = Buffer.alloc(4)
        length.writeUInt32BE(message.length)
        return [length, message]
      }),
    ),
  )

import { describe, expect, it } from 'vitest'
import { base64url } from '#canonical/bytes'
import type { Event } from '#canonical/event'
import { completeness } from '#evidence/complete'
import type { TradeEvent } from '#ledger/vocabulary'
import { issueCertificate } from '#license/certificate'
import { kidOf } from '#license/keyset'
import { crypto } from '../trade.ts'

/** Which licenses a terminal may still bring payments of. Seconds since some morning, for short. */
const morning_ms = Date.UTC(2026, 10, 23)
const ms = (seconds: number): number => morning_ms + seconds * 1000
const iso = (seconds: number): string => new Date(ms(seconds)).toISOString()
const fact = (type: string, data: object): Event & TradeEvent => ({ type, data }) as unknown as Event & TradeEvent

const keys = [crypto.keyPair('P-256'), crypto.keyPair('Ed25519'), crypto.keyPair('P-256')] as const
const certificate = (terminal: string, expires: number): string => {
  const [p256, ed25519, authority] = keys
  const named = { terminal, merchant: 'm-1', merchantName: 'Corner', shop: 's-1', mode: 'test' as const }
  const dates = { notBefore: morning_ms / 1000, expires: ms(expires) / 1000 }
  const of = { ...named, keys: { p256: p256.publicKey, ed25519: ed25519.publicKey }, ...dates }
  const signed = issueCertificate(crypto, { ...of, kid: kidOf(crypto, authority.publicKey) }, authority)
  return base64url(signed)
}
const enrolled = (terminal: string, expires = 1000) =>
  fact('TerminalEnrolled', { terminal, certificate: certificate(terminal, expires) })

const logOf = (...events: readonly (Event & TradeEvent)[]) => {
  const complete = completeness()
  for (const event of events) complete.learn(event)
  const tap = (type: string, transaction: string, at: number) =>
    complete.heard('T-1', iso(at), true, fact(type, { transaction, license: `of ${transaction}` }))
  return { ...complete, tap, tells: (id: string, at: number) => complete.heard(id, iso(at), true, undefined) }
}
const none = Number.NEGATIVE_INFINITY

describe('licenses that ended', () => {
  it('are held back by a terminal that told nothing, if they began while its certificate ran', () =>
    expect(logOf(enrolled('T-1', 1000)).heldBackBefore(ms(2000))).toBe(ms(1000)))

  it('are held back no more by one whose log is past their end', () => {
    const { tells, heldBackBefore } = logOf(enrolled('T-1'))
    tells('T-1', 499)
    expect(heldBackBefore(ms(500))).toBe(ms(1000))
    tells('T-1', 500)
    expect(heldBackBefore(ms(500))).toBe(none)
    expect(heldBackBefore(ms(501))).toBe(ms(1000))
  })

  it('by any of several, and by the certificate that was renewed last', () => {
    const renewed = fact('CertificateRenewed', { terminal: 'T-2', shop: 's-1', certificate: certificate('T-2', 3000) })
    const { tells, heldBackBefore } = logOf(enrolled('T-1'), enrolled('T-2'), renewed)
    tells('T-1', 600)
    expect(heldBackBefore(ms(500))).toBe(ms(3000))
  })

  it('by none that is retired; but by one that is lost, or has two histories', () => {
    const id = { terminal: 'T-1', reason: 'why' }
    expect(logOf(enrolled('T-1'), fact('TerminalRetired', id)).heldBackBefore(ms(500))).toBe(none)
    const lost = logOf(enrolled('T-1'), fact('TerminalRetired', id), fact('TerminalLost', id))
    expect(lost.heldBackBefore(ms(500))).toBe(ms(1000))
    lost.tells('T-1', 500)
    expect(lost.heldBackBefore(ms(500))).toBe(none)
    const forked = logOf(enrolled('T-1'), fact('ForkDetected', id))
    forked.tells('T-1', 900)
    expect(forked.heldBackBefore(ms(500))).toBe(ms(1000))
  })

  it('by one whose taps this version cannot read', () => {
    const { heard, heldBackBefore } = logOf(enrolled('T-1'))
    heard('T-1', iso(900), false, undefined)
    expect(heldBackBefore(ms(500))).toBe(ms(1000))
  })

  it('by one whose certificate cannot be read, always', () => {
    const unread = fact('TerminalEnrolled', { terminal: 'T-1', certificate: 'AAAA' })
    expect(logOf(unread).heldBackBefore(ms(500))).toBe(Number.POSITIVE_INFINITY)
  })

  it('one by one, for as long as a deduction of it has no end', () => {
    const { tap, open } = logOf(enrolled('T-1'))
    for (const transaction of ['a', 'b', 'c', 'd']) tap('DeductionRequested', transaction, 10)
    tap('TransactionRecorded', 'a', 20)
    tap('TapResolved', 'b', 30)
    tap('TransactionDeclined', 'c', 40)
    tap('TapTorn', 'd', 50)
    expect([...open()]).toEqual(['of d'])
  })
})

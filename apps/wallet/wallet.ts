import { Subject } from 'rxjs'
import { z } from 'zod'
import { type Bytes, base64url, fromBase64url, utf8 } from '#canonical/bytes'
import type { Clock } from '#canonical/clock'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { uuid7 } from '#canonical/ids'
import { sign1 } from '#license/cose'
import { openBase } from '#license/hpke'
import { tacKeyInfo } from '#license/tac'
import { formatAmount, minorUnits, parseAmount } from '#money'
import { answer, consentKey, emptyField, type Field, licenseOf, type PhoneMemory } from '#tap/phone'

/** The phones in software as a plain function: keys, license, memory; the antenna and the disk come from outside. */

/** Each phone's memory; `keep` is durable when it returns. */
export type PhoneDisk = { phones(): PhoneMemory[]; keep(memory: PhoneMemory): void }

export type AuthorityAnswer = {
  readonly license: string
  /** The TAC key, sealed by HPKE to the phone's key. */
  readonly tacKey: string
  readonly keySet: string
  readonly mode: 'test' | 'live'
}

export type Authority = {
  license(request: {
    readonly account: string
    readonly allowance: string
    readonly publicKey: string
    readonly proof: string
  }): Promise<AuthorityAnswer | Refusal>
}

/** Brings the phone into a terminal's field; settles when it has left. `respond` answers each SNEP request. */
export type Antenna = (
  terminal: string,
  respond: (request: Bytes) => Promise<Bytes>,
  signal: AbortSignal,
) => Promise<void>

export type WalletParts = {
  readonly clock: Clock
  readonly crypto: Crypto
  readonly disk: PhoneDisk
  readonly authority: Authority
  readonly antenna: Antenna
  readonly terminals: readonly { readonly terminal: string; readonly address: string }[]
}

export type TapOutcome = {
  readonly outcome: 'paid' | 'declined' | 'torn'
  readonly reason?: string
  readonly message?: string
  readonly transaction?: string
  readonly amount?: string
  readonly currency?: string
}

const fieldLasts_ms = 30_000

export type Wallet = ReturnType<typeof wallet>

export const wallet = ({ clock, crypto, disk, authority, antenna, terminals }: WalletParts) => {
  const phones = new Map(disk.phones().map(memory => [memory.phone, memory]))
  const news = new Subject<{ readonly kind: string }>()
  const fields = new Map<string, Field>()
  const consents = new Map<string, 'given' | 'refused'>()

  const unknown = (phone: string): Refusal => ({
    reason: 'PhoneUnknown',
    message: `Phone ${phone} is not in this wallet: GET /api/phones lists those that are.`,
    phone,
  })

  const summary = (memory: PhoneMemory) => {
    const license = licenseOf(memory)
    const { currency, allowance } = license.credit
    return {
      id: memory.phone,
      account: memory.account,
      card: license.card,
      currency,
      allowance: formatAmount(allowance, currency),
      allowanceLeft: formatAmount(minorUnits(memory.allowanceLeft), currency),
      locked: memory.locked,
    }
  }

  const pendingOf = (memory: PhoneMemory) => {
    const { certificate, deduction, paidHere } = fields.get(memory.phone) ?? {}
    if (!deduction || !certificate) return null
    const transaction = base16(deduction.asked.transaction)
    const { silent } = licenseOf(memory).credit
    const made = memory.payments.some(paid => paid.transaction === transaction)
    const silently = deduction.asked.amount <= silent && !paidHere
    if (made || silently || consents.has(consentKey(crypto, deduction.put))) return null
    return {
      transaction,
      merchant: certificate.merchantName,
      amount: formatAmount(deduction.asked.amount, deduction.asked.currency),
      currency: deduction.asked.currency,
    }
  }

  const look = (phone: string) => {
    const memory = phones.get(phone)
    if (!memory) return unknown(phone)
    const license = licenseOf(memory)
    return {
      ...summary(memory),
      counter: memory.counter,
      license: { id: license.id, expires: new Date(license.expires * 1000).toISOString() },
      payments: memory.payments.toReversed().map(paid => ({
        transaction: paid.transaction,
        payment: paid.payment,
        amount: formatAmount(minorUnits(paid.amount), paid.currency),
        currency: paid.currency,
        time: new Date(paid.time_s * 1000).toISOString(),
        merchant: paid.merchant,
        terminal: paid.terminal,
        counter: paid.counter,
        receipt: paid.receipt?.number ?? null,
      })),
      pendingConsent: pendingOf(memory),
    }
  }

  /** A new phone: its key is made here and never leaves; the authority licenses it for an account. */
  const addPhone = async (account: string, allowance: string) => {
    const key = crypto.keyPair('P-256')
    const publicKey = base64url(key.publicKey)
    const said = JSON.stringify({ account, allowance, publicKey })
    const proof = base64url(sign1(crypto, { payload: utf8(said), type: 'license-request', key }))
    const licensed = await authority.license({ account, allowance, publicKey, proof })
    if (isRefusal(licensed)) return licensed
    const tacKey = openBase(crypto, {
      recipient: key,
      info: tacKeyInfo,
      aad: crypto.sha256(fromBase64url(licensed.license)),
      sealed: fromBase64url(licensed.tacKey),
    })
    if (!tacKey)
      return {
        reason: 'LicenseInvalid',
        message: 'The TAC key that came with the license does not open: ask for the license again.',
      }
    const phone = uuid7(clock.now(), crypto.random(16))
    const fresh: PhoneMemory = {
      phone,
      account,
      mode: licensed.mode,
      publicKey,
      privateKey: base64url(key.privateKey),
      license: licensed.license,
      tacKey: base64url(tacKey),
      keySet: licensed.keySet,
      locked: false,
      counter: 0,
      allowanceLeft: '0',
      previous: '0'.repeat(64),
      day: { date: '1970-01-01', sum: '0' },
      payments: [],
    }
    const { credit } = licenseOf(fresh)
    const memory = { ...fresh, counter: credit.counter, allowanceLeft: credit.allowance.toString() }
    disk.keep(memory)
    phones.set(phone, memory)
    news.next({ kind: 'phones' })
    return summary(memory)
  }

  const tap = async (phone: string, terminal: string, consent: boolean): Promise<TapOutcome | Refusal> => {
    if (!phones.has(phone)) return unknown(phone)
    if (!terminals.some(known => known.terminal === terminal))
      return {
        reason: 'TerminalUnknown',
        message: `No antenna of this wallet reaches terminal ${terminal}; in reach are ${terminals.map(known => known.terminal).join(', ') || 'none'}.`,
        terminal,
      }
    if (fields.has(phone))
      return {
        reason: 'PhoneInField',
        message: 'This phone is in a terminal\u2019s field already: wait until it has left.',
      }
    fields.set(phone, emptyField)
    news.next({ kind: 'field' })
    let asked: string | undefined
    let declined: { readonly reason: string; readonly message?: string } | undefined
    const respond = async (request: Bytes): Promise<Bytes> => {
      const memory = phones.get(phone) as PhoneMemory
      const given = answer(crypto, memory, fields.get(phone) ?? emptyField, request, {
        now_s: Math.floor(clock.now() / 1000),
        consent: of => consents.get(of) ?? (consent ? 'given' : 'none'),
      })
      if (given.memory) {
        disk.keep(given.memory)
        phones.set(phone, given.memory)
      }
      fields.set(phone, given.field)
      asked = given.field.transaction ?? asked
      declined = given.declined
      news.next({ kind: 'field' })
      return given.response
    }
    const leaving = new AbortController()
    // Nobody holds a phone to a till for ever; who has not consented by then takes it away.
    const patience = setTimeout(() => leaving.abort(), fieldLasts_ms)
    try {
      await antenna(terminal, respond, leaving.signal)
    } catch (error) {
      if ((error as { code?: string }).code !== 'NoField') throw error
      return { outcome: 'declined', reason: 'NoField', message: (error as Error).message }
    } finally {
      clearTimeout(patience)
      fields.delete(phone)
      news.next({ kind: 'phones' })
    }
    const memory = phones.get(phone) as PhoneMemory
    const paid = memory.payments.findLast(known => known.transaction === asked)
    if (paid?.receipt)
      return {
        outcome: 'paid',
        transaction: paid.transaction,
        amount: formatAmount(minorUnits(paid.amount), paid.currency),
        currency: paid.currency,
      }
    if (paid)
      return {
        outcome: 'torn',
        reason: 'ReceiptMissing',
        message:
          'The payment left this phone and no receipt came back. Tap the same terminal again: it is paid once or never.',
        transaction: paid.transaction,
      }
    if (declined) return { outcome: 'declined', ...declined }
    if (leaving.signal.aborted)
      return {
        outcome: 'torn',
        reason: 'ConsentMissing',
        message:
          'The phone was taken away before its holder had consented: nothing was paid. Tap again, and consent on the phone.',
      }
    if (asked !== undefined)
      return {
        outcome: 'torn',
        reason: 'FieldLost',
        message: 'The phone left before it paid: nothing was paid. Tap again.',
      }
    return {
      outcome: 'declined',
      reason: 'DeclinedByTerminal',
      message: 'The terminal ended the tap without asking for a payment: no sale is waiting, or the till shows why.',
    }
  }

  return {
    news,
    terminals,
    phones: () => [...phones.values()].map(summary),
    memories: () => [...phones.values()],
    look,
    addPhone: async (account: string, allowance: string) => {
      const read = parseAmount(allowance, 'EUR')
      return typeof read === 'bigint' ? addPhone(account, allowance) : (read as Refusal)
    },
    tap,
    /** To the deduction in the field, exactly as it was asked; or to going on without an earlier payment's receipt. */
    consent: (phone: string, transaction: string, given: boolean): Record<string, never> | Refusal => {
      const memory = phones.get(phone)
      if (!memory) return unknown(phone)
      const asked = fields.get(phone)?.deduction
      const inField = asked && base16(asked.asked.transaction) === transaction
      if (!inField && !memory.payments.some(paid => paid.transaction === transaction))
        return {
          reason: 'ConsentNotAsked',
          message: `Nothing on this phone asks for consent to transaction ${transaction}: tap first.`,
          transaction,
        }
      consents.set(inField ? consentKey(crypto, asked.put) : transaction, given ? 'given' : 'refused')
      news.next({ kind: 'field' })
      return {}
    },
  }
}

const base16 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The authority's answer as it comes over HTTP. */
export const authorityAnswer = z.object({
  license: z.string(),
  tacKey: z.string(),
  keySet: z.string(),
  mode: z.enum(['test', 'live']),
})

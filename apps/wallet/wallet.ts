import { Subject } from 'rxjs'
import type { Bytes } from '#canonical/bytes'
import type { Clock } from '#canonical/clock'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import type { Suite } from '#license/appkey'
import { formatAmount, minorUnits } from '#money'
import { answer, consentKey, emptyField, type Field, licenseOf, type PhoneMemory } from '#tap/phone'
import { activate } from './activation.ts'
import type { Authority } from './authority.ts'
import { isPastHalf, renew, testify, untold } from './contact.ts'
import type { PhoneDisk } from './disk.ts'

/** The phones in software as a plain function: keys, license, memory; the antenna and the disk come from outside. */

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

const inField: Refusal = {
  reason: 'PhoneInField',
  message: 'This phone is in a terminal\u2019s field already: wait until it has left.',
}

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
      mode: memory.mode,
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
      suite: license.credit.suite,
      renewing: memory.renewal !== undefined,
      untold: untold(memory),
      license: {
        id: license.id,
        from: new Date(license.notBefore * 1000).toISOString(),
        expires: new Date(license.expires * 1000).toISOString(),
        isPastHalf: isPastHalf(memory, Math.floor(clock.now() / 1000)),
      },
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
        told: paid.told ?? null,
      })),
      pendingConsent: pendingOf(memory),
    }
  }

  const keep = (memory: PhoneMemory): void => {
    disk.keep(memory)
    phones.set(memory.phone, memory)
    news.next({ kind: 'phones' })
  }

  const addPhone = async (code: string, suite: Suite = 'P256-AUTH') => {
    const memory = await activate({ clock, crypto, disk, authority }, code, suite)
    if (isRefusal(memory)) return memory
    phones.set(memory.phone, memory)
    news.next({ kind: 'phones' })
    return summary(memory)
  }

  const contactOf = (phone: string) => ({
    crypto,
    authority,
    look: () => phones.get(phone) as PhoneMemory,
    keep,
  })

  /** Phones that are talking with the authority: they do it one request at a time. */
  const inContact = new Set<string>()

  const inTouch = async <Answer>(phone: string, act: () => Promise<Answer | Refusal>): Promise<Answer | Refusal> => {
    if (!phones.has(phone)) return unknown(phone)
    if (fields.has(phone)) return inField
    if (inContact.has(phone))
      return {
        reason: 'PhoneInContact',
        message: 'This phone is talking with the authority already: wait until it has its answer.',
      }
    inContact.add(phone)
    try {
      return await act()
    } finally {
      inContact.delete(phone)
    }
  }

  const renewed = (phone: string, allowance?: string) =>
    inTouch(phone, async () => {
      const memory = await renew(contactOf(phone), allowance)
      return isRefusal(memory) ? memory : summary(memory)
    })

  const tap = async (phone: string, terminal: string, consent: boolean): Promise<TapOutcome | Refusal> => {
    if (!phones.has(phone)) return unknown(phone)
    if (!terminals.some(known => known.terminal === terminal))
      return {
        reason: 'TerminalUnknown',
        message: `No antenna of this wallet reaches terminal ${terminal}; in reach are ${terminals.map(known => known.terminal).join(', ') || 'none'}.`,
        terminal,
      }
    if (fields.has(phone)) return inField
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
    /** By a code of the back office; the account is told by the answer. */
    addPhone,
    /** Asks for the license that follows, with as much to use offline as the last or as is asked. */
    renew: renewed,
    /** Hands over what was not handed over yet. */
    testify: (phone: string) => inTouch(phone, () => testify(contactOf(phone))),
    /** What every phone does by itself when it has a network: hand over, and renew past half of its term. */
    upkeep: async (): Promise<void> => {
      for (const { phone } of [...phones.values()]) {
        const memory = phones.get(phone) as PhoneMemory
        const isDue = memory.renewal !== undefined || isPastHalf(memory, Math.floor(clock.now() / 1000))
        if (isDue) await renewed(phone)
        else if (untold(memory) > 0) await inTouch(phone, () => testify(contactOf(phone)))
      }
    },
    lock: (phone: string, locked: boolean) => {
      const memory = phones.get(phone)
      if (!memory) return unknown(phone)
      if (memory.locked !== locked) keep({ ...memory, locked })
      return summary({ ...memory, locked })
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

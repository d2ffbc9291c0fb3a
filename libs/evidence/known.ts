import { type Bytes, equal, fromBase64url, hex } from '#canonical/bytes'
import { type Check, failed } from '#canonical/check'
import type { Event } from '#canonical/event'
import { postingsOf } from '#ledger'
import { available } from '#ledger/balance'
import type { TradeEvent } from '#ledger/vocabulary'
import { type License, readLicense } from '#license'
import type { TerminalCertificate } from '#license/certificate'
import { type Amount, amount, minorUnits, zero } from '#money'
import { verdictRules } from '#payment/rule'
import type { Figures, Terms } from '#payment/shares'
import { certificateFrom } from './place.ts'
import { ReactionDiverged } from './reaction.ts'

/**
 * What a verdict must know besides its tap, as the log has it up to the verdict's cause: holds and limits, who an account,
 * a license and a terminal are, and which counters were used.
 */

export type Enrolled = {
  readonly terminal: string
  readonly merchant: string
  readonly shop: string
  readonly terminalKey: Uint8Array
  /** The first; what stands in for it, the terminal's own log names. */
  readonly certificate: TerminalCertificate | undefined
}
/** A license as this centre issued it. */
type Issued = {
  readonly account: string
  readonly octets: Bytes
  readonly counters: Map<number, string>
  /** It was logged after the key that signed it was named as compromised. */
  readonly isByStolenKey: boolean
}

export const knownToVerdicts = () => {
  const balances = new Map<string, bigint>()
  const limits = new Map<string, Amount>()
  /** Accounts, by currency, whose terms have a credit balance count. */
  const crediting = new Set<string>()
  const licenses = new Map<string, Issued>()
  /** Keys of the authority that somebody else may have, and the masters that licenses name. */
  const compromised = new Set<string>()
  const tacMasters = new Set<string>()
  /** Each merchant's terms in the order in which they were set: a sale is under those of its own time. */
  const terms = new Map<string, (Terms & { readonly since: string })[]>()
  const released = new Set<string>()
  /** Who a terminal is, by the centre's own word: what it says of itself is only its claim. */
  const enrolled = new Map<string, Enrolled>()

  /** Accounts that do not stand, since when, and whether they are closed. */
  const barred = new Map<string, { readonly since: string; readonly closed: boolean }>()
  /** Terminals that somebody else may have in hand, by the log up to here. */
  const outOfHand = new Map<string, 'TerminalLost' | 'TerminalSuspended'>()
  /** The version of the verdict rule that the log has come to. */
  let rule = verdictRules.initialState

  const balance = (account: string, currency: string): bigint => balances.get(`${account}|${currency}`) ?? 0n

  const holdLeft = (license: string, currency: string): bigint => balance(`allowance:${license}`, currency)

  /** What an event changes in what the next verdict must know. */
  const learn = (event: Event & TradeEvent): void => {
    for (const { account, currency, side, amount } of postingsOf(event)) {
      const key = `${account}|${currency}`
      balances.set(key, (balances.get(key) ?? 0n) + (side === 'debit' ? amount : -amount))
    }
    switch (event.type) {
      case 'AccountOpened':
      case 'CreditLimitSet':
        limits.set(`${event.data.account}|${event.data.currency}`, minorUnits(event.data.limit))
        return
      case 'AccountSuspended':
      case 'AccountClosing':
      case 'AccountClosed': {
        const { account } = event.data
        const since = barred.get(account)?.since ?? event.at
        barred.set(account, { since, closed: event.type === 'AccountClosed' })
        return
      }
      case 'AccountReinstated':
        barred.delete(event.data.account)
        return
      case 'AccountTermsSet': {
        const { account, currency, creditCounts } = event.data
        if (creditCounts) crediting.add(`${account}|${currency}`)
        else crediting.delete(`${account}|${currency}`)
        return
      }
      case 'AllowanceReleased':
        // A part that is let go before leaves the rest to wait for payments.
        if (!event.data.keeps) released.add(event.data.license)
        return
      case 'LicenseIssued': {
        const octets = fromBase64url(event.data.document)
        const isByStolenKey = compromised.size > 0 && compromised.has(hex(readLicense(octets).kid))
        licenses.set(event.data.license, { account: event.data.account, octets, counters: new Map(), isByStolenKey })
        return
      }
      case 'KeyCompromised':
        compromised.add(event.data.kid)
        return
      case 'TacMasterIntroduced':
        tacMasters.add(event.data.id)
        return
      case 'MerchantTermsSet':
        terms.set(event.data.merchant, [...(terms.get(event.data.merchant) ?? []), { ...event.data, since: event.at }])
        return
      case 'VerdictRuleAdopted':
        rule = event.data.version
        return
      case 'TerminalLost':
        outOfHand.set(event.data.terminal, event.type)
        return
      case 'TerminalSuspended':
        // What is lost stays lost.
        if (!outOfHand.has(event.data.terminal)) outOfHand.set(event.data.terminal, event.type)
        return
      case 'TerminalReinstated':
        outOfHand.delete(event.data.terminal)
        return
      case 'TerminalEnrolled': {
        const { terminal, merchant, shop, keys, certificate } = event.data
        enrolled.set(terminal, {
          terminal,
          merchant,
          shop,
          terminalKey: fromBase64url(keys.p256),
          certificate: certificateFrom(certificate),
        })
        return
      }
      default:
        // Everything else says what it must by its postings alone.
        return
    }
  }

  /** The terms of the sale's own time, whenever it arrives; a shop is opened only under terms, so there are some. */
  const termsOf = (merchant: string, at: string): Terms => {
    const set = terms.get(merchant) ?? []
    const known = set.findLast(({ since }) => since <= at) ?? set[0]
    if (!known) throw new ReactionDiverged(`Merchant ${merchant} has no terms in this log`)
    return known
  }

  const figuresFor = (
    account: string | null,
    license: string | undefined,
    merchant: string,
    currency: string,
    occurredAt: string,
  ): Figures => {
    const of = account ?? ''
    const limit = limits.get(`${of}|${currency}`) ?? zero
    const owed = balance(`payer:${of}`, currency)
    const held = -balance(`commitment:${of}`, currency)
    const hold = license === undefined ? 0n : holdLeft(license, currency)
    return {
      holdLeft: amount(hold < 0n ? 0n : hold),
      available: available({ limit, owed, inDispute: 0n, held, creditCounts: crediting.has(`${of}|${currency}`) }),
      holdReleased: license !== undefined && released.has(license),
      terms: termsOf(merchant, occurredAt),
    }
  }

  /** Who has the authority's key can sign another license under an id that we issued: the id alone says nothing. */
  const isAsIssued = (license: License, octets: Bytes | undefined): boolean => {
    const issued = licenses.get(license.id)
    return issued !== undefined && isSameLicense(license, octets, issued)
  }

  /** The license is the one that we issued under its id. */
  const checkIssued = (license: License, octets: Bytes | undefined): Check[] => {
    const issued = licenses.get(license.id)
    if (!issued) return [failed('license issued', 'LicenseUnknown', 'a license that this centre issued', license.id)]
    const checks: Check[] = []
    if (!isAsIssued(license, octets))
      checks.push(failed('license as issued', 'LicenseNotAsIssued', 'the license that this centre issued', license.id))
    if (issued.isByStolenKey)
      checks.push(failed('license key at issue', 'LicenseKeyCompromised', 'a key that only we have', hex(license.kid)))
    return checks
  }

  /** The account stood when the tap was made, as far as that is known; one that is closed does not come back. */
  const checkStanding = (account: string | null, occurredAt: string): Check[] => {
    const bar = account === null ? undefined : barred.get(account)
    if (!bar) return []
    if (bar.closed) return [failed('account open', 'AccountClosed', 'an open account', `closed since ${bar.since}`)]
    if (occurredAt < bar.since) return []
    return [failed('account open', 'AccountBarred', `a tap before ${bar.since}`, occurredAt)]
  }

  /** One key, one counter, two contents: somebody copied the phone. */
  const checkCounter = (license: string, counter: number, payment: string): Check[] => {
    const usedBy = licenses.get(license)?.counters.get(counter)
    if (usedBy === undefined || usedBy === payment) return []
    return [failed('payment counter unused', 'CounterReused', `a counter not used before ${counter}`, usedBy)]
  }
  const keepCounter = (license: string, counter: number, payment: string): void => {
    const counters = licenses.get(license)?.counters
    if (counters && !counters.has(counter)) counters.set(counter, payment)
  }

  return {
    learn,
    holdLeft,
    figuresFor,
    isAsIssued,
    checkIssued,
    checkStanding,
    checkCounter,
    keepCounter,
    rule: () => rule,
    issuedAs: (license: string): { readonly account: string; readonly license: License } | undefined => {
      const issued = licenses.get(license)
      return issued && { account: issued.account, license: readLicense(issued.octets) }
    },
    accountOf: (license: string): string | null => licenses.get(license)?.account ?? null,
    enrolled: (terminal: string): Enrolled | undefined => enrolled.get(terminal),
    outOfHand: (terminal: string) => outOfHand.get(terminal),
    hasTacMaster: (id: string): boolean => tacMasters.has(id),
  }
}

/** In every field: a signature has a twin, and two of one content are one license. */
const isSameLicense = (license: License, octets: Bytes | undefined, { octets: issued }: Issued): boolean =>
  (octets !== undefined && equal(octets, issued)) || licenseText(license) === licenseText(readLicense(issued))
const licenseText = (license: License): string =>
  JSON.stringify(license, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}` : value instanceof Uint8Array ? hex(value) : value,
  )

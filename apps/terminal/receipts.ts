import { base64url, fromHex, hex } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { reversalReceipt } from '#license/reversalreceipt'
import { fromSalesReceiptText, makeSalesReceipt, salesReceiptText, verifySalesReceipt } from '#license/salesreceipt'
import type { PaidElsewhere } from '#till/commands'
import { type Language, languages } from '#till/language'
import { dayLines, receiptLines, reversalLines, type Shop, widths } from '#till/print'
import type { Recorded, Reversing } from '#till/state'
import { iso, type OwnLog } from './own-log.ts'
import type { News, TerminalParts } from './ports.ts'

/** What the shop prints and reads: receipts with the signed code on them, and reports, in the till's language. */

export const receipts = ({ crypto, identity, notes }: TerminalParts, own: OwnLog, news: News) => {
  const { till } = own
  const place = (): Shop => {
    const { merchantName, terminal, mode } = own.place.certified()
    return { merchantName, shop: own.place.shopName() ?? own.place.shop(), terminal, mode, zone: own.place.zone() }
  }

  const language = (): Language => languages.find(each => each === notes.note('language')) ?? 'en'
  const setLanguage = (to: Language): void => {
    notes.setNote('language', to)
    news.next({ kind: 'language' })
  }

  /** As text for both widths of paper. */
  const onPaper = (lines: (width: (typeof widths)[number]) => string[]) =>
    Object.fromEntries(widths.map(width => [width, lines(width).join('\n')]))

  const receipt = (recorded: Recorded) => {
    const { transaction, payment, license, amount, currency, occurred, receiptNumber, businessDate, copies } = recorded
    const signed = makeSalesReceipt(
      crypto,
      {
        transaction: fromHex(transaction),
        payment: fromHex(payment),
        license,
        amount,
        currency,
        time: Math.floor(Date.parse(occurred) / 1000),
        receiptNumber,
        businessDate,
      },
      own.place.certificate(),
      identity.keys.p256,
    )
    return {
      transaction,
      receiptNumber,
      copy: copies,
      code: salesReceiptText(signed),
      text: onPaper(width => receiptLines({ shop: place(), recorded, copy: copies }, width, language())),
    }
  }

  /** Of a void or a refund, as this till recorded it: whether it stands, the centre says. */
  const reversal = (reversing: Reversing) => {
    const { kind, reversal, transaction, payment, license, amount, currency, occurred, receiptNumber } = reversing
    const { businessDate, copies } = reversing
    const signed = reversalReceipt.make(
      crypto,
      {
        kind,
        reversal,
        transaction: fromHex(transaction),
        payment: fromHex(payment),
        license,
        amount,
        currency,
        time: Math.floor(Date.parse(occurred) / 1000),
        receiptNumber,
        businessDate,
      },
      own.place.certificate(),
      identity.keys.p256,
    )
    const of = own.recorded(transaction)?.receiptNumber
    return {
      reversal,
      transaction,
      receiptNumber,
      copy: copies,
      code: reversalReceipt.text(signed),
      text: onPaper(width => reversalLines({ shop: place(), reversing, of }, width, language())),
    }
  }

  type Reported = Omit<Parameters<typeof dayLines>[1], 'lastRevision' | 'head'>
  const day = (figures: Reported & { readonly lastRevision: number; readonly head: string }) =>
    onPaper(width => dayLines(place(), figures, width, language()))

  /** A receipt that a customer brings: of this merchant, signed by one of its terminals. */
  const read = (
    code: string,
  ): (PaidElsewhere & { readonly transaction: string; readonly occurred: string }) | Refusal => {
    if (reversalReceipt.fromText(code.trim())) return ofReversal
    const bytes = fromSalesReceiptText(code.trim())
    const { merchant, mode } = own.place.certified()
    const found = bytes ? verifySalesReceipt(crypto, bytes, { keySet: own.rules().keySet, mode }) : notOurs
    if (isRefusal(found)) return found
    if (found.merchant !== merchant)
      return {
        reason: 'ReceiptOfAnotherMerchant',
        message: `This receipt is of ${found.merchant}: it can be refunded there, not here.`,
        merchant: found.merchant,
      }
    return {
      transaction: hex(found.transaction),
      terminal: found.terminal,
      receiptNumber: found.receiptNumber,
      amount: found.amount,
      currency: found.currency,
      payment: hex(found.payment),
      license: found.license,
      occurred: iso(found.time * 1000),
      receipt: base64url(bytes as Uint8Array),
    }
  }

  /** What of it was given back on this terminal; another may have given back as well, and the centre knows. */
  const givenBackHere = (found: PaidElsewhere): bigint => till.givenBackElsewhere.get(found.payment) ?? 0n

  return { language, setLanguage, receipt, reversal, day, read, givenBackHere }
}

const ofReversal: Refusal = {
  reason: 'ReceiptOfReversal',
  message: 'This is the receipt of a void or a refund: nothing is given back on it. Read the receipt of the sale.',
}

const notOurs: Refusal = {
  reason: 'ReceiptMalformed',
  message: 'This is no receipt of this system: read the square code on the paper once more.',
}

import { base64url, fromHex, hex } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { Malformed } from '#canonical/malformed'
import { StoreFailed } from '#eventstore'
import { makeDeduction, makeHello, makeReceipt } from '#license/records'
import type { Amount } from '#money'
import { FieldLost, type Meeting, PeerUnfit } from '#nfc/reader'
import { single, statusRequest } from '#tap/messages'
import type { Deduction } from '#tap/redo'
import {
  AnsweredLate,
  attemptFrom,
  type Decision,
  type Ended,
  type Offer,
  type Prepared,
  type Reply,
  type Step,
  sealingText,
  takeTap,
} from '#tap/terminal'
import type { LicenseFacts, TapStart, TillClock } from '#till/commands'
import type { OpenDeduction, Recorded } from '#till/state'
import type { Desk, SaleView } from './desk.ts'
import { iso, LogShut, type OwnLog } from './own-log.ts'
import type { TerminalParts } from './ports.ts'

const helloFresh_ms = 60_000

/**
 * A phone in the field: the conversation asks, and this does what it asks for. Everything that may have made the phone
 * pay is on disk before the phone hears of it, and "approved" is on disk before anybody sees it.
 */
export const taps = (parts: TerminalParts, own: OwnLog, desk: Desk, lastSync_ms: () => number | undefined) => {
  const { clock, crypto, reader, identity, log, sleep } = parts
  const passing = parts.passing ?? (() => {})
  const { p256 } = identity.keys
  const { till } = own

  let prepared: (Prepared & { readonly made_ms: number }) | undefined
  /** GET #1 is made before the phone comes, and anew when it has grown old: the phone looks at its time. */
  const prepare = (): Prepared => {
    if (prepared?.tap === till.tap + 1 && own.time() - prepared.made_ms < helloFresh_ms) return prepared
    const sealing = crypto.keyPair('P-256')
    const hello = makeHello(
      crypto,
      {
        versions: [1],
        terminal: identity.terminal,
        currency: own.currency(),
        authorityKeys: (own.rules().keySet?.keys ?? [])
          .filter(key => key.purpose === 'license' && key.status === 'active')
          .map(key => key.kid),
        sealing: sealing.publicKey,
        time: Math.floor(own.time() / 1000),
      },
      p256,
    )
    prepared = {
      made_ms: own.time(),
      tap: till.tap + 1,
      sealing,
      getRequest: statusRequest(hello, own.place.certificate()),
    }
    return prepared
  }

  const clockBehind = (): Refusal | undefined => {
    const behind_ms = own.clockBehind_ms()
    return behind_ms > (own.rules().policy?.clockTolerance_s ?? 0) * 1000
      ? {
          reason: 'ClockBehind',
          message: `This terminal's clock is ${Math.round(behind_ms / 60_000)} minutes behind what it has recorded: set the clock, then tap again.`,
        }
      : undefined
  }
  const tillClock = (): TillClock => ({
    now_ms: own.time(),
    lastSync_ms: lastSync_ms(),
    certificateEnds_ms: own.place.certificateEnds_ms(),
  })

  const decideTap = async (sale: SaleView, prepared: Prepared, offer: Offer): Promise<Decision> => {
    passing('GET #1 answered')
    const { tap, sealing, getRequest } = prepared
    const open = sale.transaction === undefined ? undefined : till.open.get(sale.transaction)
    const start = (transaction: string): TapStart => ({
      tap,
      transaction,
      sale,
      radio: reader.radio,
      sealing: sealingText(sealing),
      getRequest: base64url(getRequest),
      getResponse: base64url(offer.getResponse),
    })
    const facts = factsOf(offer)
    if (open) {
      // The first phone may have paid: until that is settled, no other phone pays this sale.
      const refused =
        offer.refused ??
        (facts?.license === open.license
          ? undefined
          : {
              reason: 'SaleTornByAnotherPhone',
              message:
                'Another phone may have paid this sale. Let that phone tap again, or cancel the sale and key it anew.',
            })
      if (refused) {
        desk.hint(sale.sale, refused)
        return { type: 'refused', ...refused }
      }
      const license = facts as LicenseFacts
      await own.writeSurely(
        { type: 'AskAgain', start: start(open.transaction), license, checks: offer.checks },
        sale.sale,
      )
      return { type: 'resume', deduction: deductionOf(open) }
    }
    const transaction = hex(crypto.random(16))
    const decline = async (refused: Refusal): Promise<Decision> => {
      const { reason, message } = refused
      desk.hint(sale.sale, refused)
      const license = offer.refused ? {} : { license: facts as LicenseFacts }
      const declined = { start: start(transaction), checks: offer.checks, ...license, reason, message }
      await own.writeSurely({ type: 'DeclineTap', ...declined }, sale.sale)
      return { type: 'refused', reason, message }
    }
    if (offer.refused) return decline(offer.refused)
    const behind = clockBehind()
    if (behind) return decline(behind)
    const license = facts as LicenseFacts
    const put = single(
      'deduction',
      makeDeduction(
        crypto,
        {
          transaction: fromHex(transaction),
          license: license.license,
          counter: license.counter + 1,
          amount: sale.amount,
          currency: sale.currency,
          time: Math.floor(own.time() / 1000),
          place: own.place.shop(),
          head: fromHex(own.head().hash),
        },
        p256,
      ),
    )
    passing('deduction decided')
    const answer = await own.write(
      {
        type: 'RequestDeduction',
        start: start(transaction),
        checks: offer.checks,
        license,
        put: base64url(put),
        policy: own.rules().policy,
        clock: tillClock(),
        overrides: desk.approvals(sale.sale),
      },
      sale.sale,
    )
    if (isRefusal(answer)) return decline(answer)
    passing('deduction on disk')
    return { type: 'deduct', deduction: deductionOf(till.open.get(transaction) as OpenDeduction) }
  }

  /** The phone's half of the stick: the head it names is the terminal's newest, and the revision is that head's. */
  const receiptOf = ({ transaction, payment, receiptNumber }: Recorded): Uint8Array<ArrayBuffer> =>
    makeReceipt(
      crypto,
      {
        transaction: fromHex(transaction),
        payment: fromHex(payment),
        receiptNumber,
        revision: own.head().revision,
        head: fromHex(own.head().hash),
      },
      p256,
    )

  const carryOut = async (
    step: Step,
    sale: SaleView,
    prepared: Prepared,
    meeting: Meeting,
    signal: AbortSignal,
  ): Promise<Reply> => {
    switch (step.do) {
      case 'exchange': {
        const began = clock.now()
        const response = await meeting.exchange(step.request)
        if (step.message === 'PUT') passing('PUT answered')
        if (step.message === 'GET #2') passing('GET #2 answered')
        if (step.message === 'PUT receipt') passing('receipt handed over')
        return { type: 'Answered', response, roundTrip_ms: Math.max(0, Math.round(clock.now() - began)) }
      }
      case 'decide':
        return { type: 'Decided', decision: await decideTap(sale, prepared, step.offer) }
      case 'resend': {
        const { transaction } = step
        const again = { type: 'ResendDeduction', transaction, tap: prepared.tap, clock: tillClock() } as const
        const refused = clockBehind() ?? (await own.write(again, sale.sale))
        if (!isRefusal(refused)) return { type: 'Resend', refused: undefined }
        desk.hint(sale.sale, refused)
        return { type: 'Resend', refused }
      }
      case 'record': {
        passing('payment opened')
        const { opened } = step
        const occurred = iso(own.time())
        const allowanceLeft = opened.allowanceLeft as Amount
        const recorded = { ...opened, tap: prepared.tap, response: base64url(opened.response), occurred, allowanceLeft }
        await own.writeSurely({ type: 'RecordTap', ...recorded }, sale.sale)
        passing('transaction on disk')
        // Approved now, whatever becomes of the receipt.
        desk.endTap()
        return { type: 'Receipt', receipt: receiptOf(till.recorded.get(opened.transaction) as Recorded) }
      }
      case 'reject': {
        const { rejected } = step
        const response = base64url(rejected.response)
        await own.writeSurely({ type: 'RejectPayload', ...rejected, response, tap: prepared.tap }, sale.sale)
        return { type: 'Done' }
      }
      case 'declined': {
        const { transaction, reason, message } = step
        await own.writeSurely({ type: 'AcceptDecline', transaction, reason, message }, sale.sale)
        return { type: 'Done' }
      }
      case 'earlier': {
        const recorded = own.recorded(step.transaction)
        return { type: 'Receipt', receipt: recorded ? receiptOf(recorded) : undefined }
      }
      case 'pause':
        await sleep(step.wait_ms, signal)
        return { type: 'Done' }
    }
  }

  const transactionOf = (sale: SaleView): string | undefined => till.sales.get(sale.sale)?.transaction

  const tearIfOpen = async (sale: SaleView, prepared: Prepared, during: string): Promise<void> => {
    const transaction = transactionOf(sale)
    if (transaction === undefined || !till.open.get(transaction)?.live) return
    await own.write({ type: 'TearTap', transaction, tap: prepared.tap, during }, sale.sale)
  }

  /** One meeting from field entry to field exit. It never throws for what a phone or the radio did. */
  const meet = async (meeting: Meeting, signal: AbortSignal): Promise<Ended | { outcome: 'torn' | 'none' }> => {
    const sale = desk.current()
    if (!sale || sale.state === 'approved' || sale.state === 'cancelled') {
      await meeting.leave()
      return { outcome: 'none' }
    }
    const shut = own.refusal()
    if (shut) {
      desk.hint(sale.sale, shut)
      await meeting.leave()
      return { outcome: 'none' }
    }
    const mine = prepare()
    prepared = undefined
    desk.beginTap(sale.sale)
    let doing = 'GET #1'
    try {
      passing('field entered')
      const waived = desk.approvals(sale.sale).map(({ rule }) => rule)
      const conversation = takeTap(crypto, mine, own.rules(), sale.currency, Math.floor(own.time() / 1000), waived)
      let step = conversation.next()
      while (!step.done) {
        if (step.value.do === 'exchange') doing = step.value.message
        step = conversation.next(await carryOut(step.value, sale, mine, meeting, signal))
      }
      return step.value
    } catch (error) {
      if (
        !(
          error instanceof FieldLost ||
          error instanceof AnsweredLate ||
          error instanceof PeerUnfit ||
          error instanceof Malformed ||
          error instanceof StoreFailed ||
          error instanceof LogShut
        )
      )
        throw error
      const approved = till.sales.get(sale.sale)?.state === 'approved'
      if (!approved) {
        const because = tapFailure(error)
        if (because) desk.hint(sale.sale, because)
        if (error instanceof StoreFailed) log.error(error.message)
        else await tearIfOpen(sale, mine, doing)
      }
      return approved ? { outcome: 'approved', transaction: transactionOf(sale) ?? '' } : { outcome: 'torn' }
    } finally {
      desk.endTap()
      prepare()
      await meeting.leave()
    }
  }

  const takeTaps = async (signal: AbortSignal): Promise<void> => {
    for await (const meeting of reader.taps(signal)) {
      try {
        await meet(meeting, signal)
      } catch (error) {
        // A bug in one tap must not close the shop; the sale shows as torn, and the next tap asks the phone again.
        log.error(`a tap failed: ${(error as Error).stack ?? String(error)}`)
      }
    }
  }

  return { prepare, meet, takeTaps }
}

const deductionOf = (open: OpenDeduction): Deduction => ({
  transaction: open.transaction,
  amount: open.amount,
  currency: open.currency,
  card: open.card,
  license: open.license,
  counter: open.counter,
  allowanceBefore: open.allowanceBefore,
  attempts: open.attempts.map(attemptFrom),
})

const factsOf = ({ license, status }: Offer): LicenseFacts | undefined =>
  license &&
  status && {
    license: license.id,
    card: license.card,
    allowance: license.credit.allowance,
    allowanceLeft: status.allowanceLeft,
    perTransaction: license.credit.perTransaction,
    consecutive: license.credit.consecutive,
    counterAtIssue: license.credit.counter,
    counter: status.counter,
  }

/** A cashier's words for what went wrong; undefined where the log says it all. */
const tapFailure = (
  error: FieldLost | AnsweredLate | PeerUnfit | Malformed | StoreFailed | LogShut,
): { reason: string; message: string } | undefined => {
  if (error instanceof AnsweredLate) return { reason: 'RoundTripExceeded', message: error.message }
  // The centre was heard in the middle of this tap. What the phone has paid, the phone still knows.
  if (error instanceof LogShut) return error.refusal
  if (error instanceof PeerUnfit)
    return { reason: 'NotATallystickPhone', message: `Not a Tallystick phone: it answered ${error.found}.` }
  if (error instanceof Malformed)
    return {
      reason: 'PhoneMisunderstood',
      message: `The phone's answer made no sense (${error.message}). Let it tap again.`,
    }
  if (error instanceof StoreFailed)
    return {
      reason: 'StoreFailed',
      message: `This terminal cannot write its log: ${error.message} Nothing was recorded; call for help.`,
    }
  return undefined
}

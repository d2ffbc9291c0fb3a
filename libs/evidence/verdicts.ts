import { hex } from '#canonical/bytes'
import { type Check, failed } from '#canonical/check'
import { isRefusal } from '#canonical/decider'
import { type Act, type Event, trustEvent } from '#canonical/event'
import { idOf } from '#canonical/ids'
import { knownType, type TradeEvent, touchesMoney, understood } from '#ledger/vocabulary'
import { type License } from '#license'
import { type TacMaster, tacKeys } from '#license/tac'
import { minorUnits } from '#money'
import { type PaymentCommand, payment as paymentDecider } from '#payment'
import { type PaymentEvent, paymentWords } from '#payment/events'
import type { IntakeEvent } from '#sync/events'
import type { TillEvent } from '#till/events'
import { completeness } from './complete.ts'
import { skippedCounters } from './counters.ts'
import { datesBy } from './dates.ts'
import { findingsOfVerdicts } from './findings.ts'
import { NewerThanKnown } from './held.ts'
import { inputs } from './inputs.ts'
import { type Enrolled, knownToVerdicts } from './known.ts'
import { ordersOnHolds } from './orders.ts'
import { checkTerminalCertificate, shopAt } from './place.ts'
import { ReactionDiverged, react, type Writing } from './reaction.ts'
import { releases } from './release.ts'
import { checkRecorded, redoTap, type TapRecord, type TapsOfTerminal, tapsOfTerminal } from './taps.ts'
import { isAccepted, testifiedPayments } from './testified.ts'

/**
 * The reactor that judges: caused by `BatchAccepted`, it makes each payment's checks again from its raw octets and
 * writes the verdict. It decides from the log up to its cause and from its own verdicts in the order of their causes,
 * never from the clock or a projection: two of them, or one started twice, write the same octets.
 */
export const verdictsBy = 'reactor:verdicts'
const by = verdictsBy

type Parts = Writing & {
  /** Whom the phones' licenses lead back to, and what makes the TAC keys. */
  readonly keys: {
    readonly root: { readonly publicKey: Uint8Array }
    readonly tacMaster: TacMaster
    readonly later: { readonly tacMasters: readonly TacMaster[] }
  }
  /** Awaited before each tap is judged: a node that does other things gives them their turn. */
  readonly between?: () => Promise<void>
}

type Recorded = Event<Extract<TillEvent, { type: 'TransactionRecorded' }>['data']>
type Reversing = Event<Extract<TillEvent, { type: 'RefundRecorded' }>['data']>
type Batch = Event<Extract<IntakeEvent, { type: 'BatchAccepted' }>['data']>

/** A terminal's log as far as it was judged. */
type Judged = {
  readonly taps: TapsOfTerminal
  next: number
  /** Transactions of which a newer till wrote something in a shape that is not known here: they wait. */
  readonly unread: Set<string>
  /** It adopted rules that cannot be read here: so do all its payments, until it adopts others. */
  rulesUnread: boolean
}

export const verdicts = ({ store, crypto, keys, salt, between }: Parts) => {
  const datesOf = datesBy(crypto, keys.root.publicKey)
  const known = knownToVerdicts()
  const complete = completeness()
  const ending = releases({ store, crypto, salt, by, holdLeft: known.holdLeft, complete })
  const terminals = new Map<string, Judged>()
  const learn = (event: Event & TradeEvent): void => {
    ending.learn(event)
    known.learn(event)
    skipped.learn(event)
    complete.learn(event)
  }

  /** Reads the target, decides, appends; a verdict that is there already is the answer. */
  const settle = async (
    command: PaymentCommand & { readonly payment: string },
    cause: Event,
    batch: Event,
    step?: string,
  ): Promise<readonly (Event & PaymentEvent)[]> => {
    const act = reactionTo(batch, cause, step)
    return react({ store, crypto, salt }, { stream: `payment-${command.payment}`, words: paymentWords, act }, held => {
      const state = held.reduce((state, event) => paymentDecider.evolve(state, event), paymentDecider.initialState)
      const facts = paymentDecider.decide(command, state)
      if (isRefusal(facts))
        throw new ReactionDiverged(`The verdict on ${command.payment} was refused: ${facts.message}`)
      return facts
    })
  }

  /** A step tells apart what one cause makes of one payment in two appends. */
  const reactionTo = (batch: Event, cause: Event, step?: string): Act => ({
    id: idOf(crypto, batch.id, by, step === undefined ? cause.id : `${cause.id} ${step}`),
    at: batch.at,
    by,
    correlation: cause.correlation,
    causation: batch.id,
  })

  const findings = findingsOfVerdicts({ store, crypto, salt }, reactionTo)
  /** Logs of before closed nothing, and what was made of them is read as it is. */
  const resolve = async (...of: Parameters<typeof findings.resolve>): Promise<void> => {
    if (known.rule() >= resolvingSince) await findings.resolve(...of)
  }

  const skipped = skippedCounters({ issuedAs: known.issuedAs, raise: findings.raise, resolve })

  const tacKeyFor = (license: License): Uint8Array => {
    const masters = [keys.tacMaster, ...keys.later.tacMasters] as const
    const { tacKey } = license.credit
    // To hold an honest payment for want of its key would be for good.
    if (known.hasTacMaster(tacKey) && !masters.some(({ id }) => id === tacKey))
      throw new Error(
        `The TAC master key ${tacKey} lies not with this node's keys: hand it those of the node that made it.`,
      )
    return tacKeys(crypto, masters)(license)
  }

  const whoIs = (batch: Batch): Enrolled => {
    const who = known.enrolled(batch.data.terminal)
    if (!who) throw new ReactionDiverged(`BatchAccepted ${batch.id} is of a terminal that was never enrolled`)
    return who
  }

  const checkOverride = (transaction: string, taps: TapsOfTerminal): Check[] => {
    const by = taps.overridden(transaction)
    return by === undefined ? [] : [failed('limits kept', 'SupervisorOverrode', 'no override', by)]
  }

  const judge = async (
    recorded: Recorded,
    tap: TapRecord | undefined,
    taps: TapsOfTerminal,
    batch: Batch,
  ): Promise<void> => {
    const who = whoIs(batch)
    const { terminal, merchant, terminalKey } = who
    const shop = shopAt(crypto, keys.root.publicKey, who, tap ? tap.place : taps.place())
    const { data } = recorded
    const {
      checks: redone,
      opened,
      license,
      licenseBytes,
    } = tap
      ? redoTap(crypto, tap, { rootPublicKey: keys.root.publicKey, terminalKey, tacKeyFor })
      : { checks: [failed('tap before record', 'TapMissing', 'a tap before its record', 'none')] }
    const checks = [...redone]
    // The first rule knew no such reason: what was judged under it is judged again as it was.
    const uncertified = tap && known.rule() > 1 && checkTerminalCertificate(crypto, keys.root.publicKey, who, tap)
    if (uncertified) checks.push(uncertified)
    const own = !checks.some(({ check, pass }) => check === 'deduction signature' && !pass)
    if (license) checks.push(...known.checkIssued(license, licenseBytes))
    const paid = opened ? hex(opened.paymentHash) : undefined
    if (opened) checks.push(checkRecorded(opened, data))
    if (opened && license && paid !== undefined)
      checks.push(...known.checkCounter(license.id, opened.payment.counter, paid))
    const account = license ? known.accountOf(license.id) : null
    // What the payer signed is what is posted; what the terminal wrote beside it only where nothing opens.
    const currency = opened?.payment.currency ?? data.currency
    const dates = datesOf(recorded, taps, batch)
    const figures = known.figuresFor(account, license?.id, merchant, currency, dates.occurred.at)
    // Of what the first rule did not know.
    if (known.rule() > 1)
      checks.push(...known.checkStanding(account, dates.occurred.at), ...checkOverride(data.transaction, taps))
    // A record that does not open, or is not this terminal's own, must not stand in the way of the real payment.
    const payment = own && paid !== undefined ? paid : hex(crypto.sha256(`tallystick-unopened-1\n${recorded.id}`))
    const events = await settle(
      {
        type: 'Judge',
        payment,
        event: recorded.id,
        account,
        license: license?.id ?? null,
        card: license?.card ?? null,
        currency,
        gross: opened ? opened.payment.amount : minorUnits(data.amount),
        checks,
        signatureChecked: opened !== undefined,
        rule: known.rule(),
        merchant,
        shop,
        terminal,
        transaction: data.transaction,
        ...dates,
        ...figures,
      },
      recorded,
      batch,
    )
    // What a license of somebody's own making paid, its bearer signed: the payer of that id has used no counter.
    const isOurs = license !== undefined && known.isAsIssued(license, licenseBytes)
    if (opened && license && paid !== undefined && (isOurs || known.rule() < 4))
      known.keepCounter(license.id, opened.payment.counter, paid)
    await follow(events, recorded, batch)
    if (opened && isOurs) await skipped.came(opened.payment, isAccepted(events), recorded, batch)
    const wasTold = await phoned.brought({ terminal, transaction: data.transaction, payment }, recorded, batch)
    if (events.length === 0 && !wasTold) await findings.duplicate(payment, recorded, batch)
    taps.forget(data.transaction)
  }

  const phoned = testifiedPayments({
    store,
    crypto,
    tacKeyFor,
    settle,
    follow: (...asked) => follow(...asked),
    raise: findings.raise,
    resolve,
    came: (...paid) => skipped.came(...paid),
    terminalOf: known.enrolled,
    figuresFor: known.figuresFor,
    checkKnown: (account, license, { counter }, payment, occurredAt) => {
      const checks = [...known.checkCounter(license, counter, payment), ...known.checkStanding(account, occurredAt)]
      known.keepCounter(license, counter, payment)
      return checks
    },
    rule: known.rule,
  })

  const orders = ordersOnHolds({
    store,
    settle,
    follow: (...asked) => follow(...asked),
    figuresFor: known.figuresFor,
    cover: ending.cover,
    raise: findings.raise,
    learn,
  })

  const reverse = async (
    event: Reversing,
    kind: 'void' | 'refund',
    taps: TapsOfTerminal,
    batch: Batch,
  ): Promise<void> => {
    const who = whoIs(batch)
    const { terminal, merchant } = who
    const shop = shopAt(crypto, keys.root.publicKey, who, taps.place())
    const { reversal, payment, transaction, amount, currency } = event.data
    const events = await settle(
      {
        type: 'Reverse',
        reversal,
        payment,
        event: event.id,
        kind,
        amount: minorUnits(amount),
        currency,
        merchant,
        shop,
        terminal,
        transaction,
        ...datesOf(event, taps, batch),
        // A thief with the terminal has its keys, too; what it recorded before came in before, or two people look at it.
        ...(known.rule() > 2 ? { outOfHand: known.outOfHand(terminal) } : {}),
      },
      event,
      batch,
    )
    await follow(events, event, batch)
    if (events.length === 0 && known.rule() > 2) await findings.repeated(event, kind, batch)
  }

  /** Learns from a verdict, and raises what someone must look at. */
  const follow = async (events: readonly (Event & PaymentEvent)[], cause: Event, batch: Event): Promise<void> => {
    for (const event of events) {
      learn(event)
      await findings.ofVerdict(event, cause, batch)
    }
  }

  /** What a newer till wrote moves nothing here, and what it wrote of waits. */
  const passOver = ({ type, data }: Event, heard: Judged): void => {
    if (!knownType(type)) return
    const { transaction } = data as { readonly transaction?: unknown }
    if (typeof transaction === 'string') heard.unread.add(transaction)
    if (type === 'RulesAdopted') heard.rulesUnread = true
  }

  const handleBatch = async (batch: Batch): Promise<void> => {
    const { terminal, from, count } = batch.data
    const heard: Judged = terminals.get(terminal) ?? {
      taps: tapsOfTerminal(),
      next: 0,
      unread: new Set(),
      rulesUnread: false,
    }
    terminals.set(terminal, heard)
    const end = from + count
    if (heard.next >= end) return
    outer: for await (const page of store.read(`terminal-${terminal}`, {
      from: heard.next,
      direction: 'forward',
      pageSize: 500,
    }))
      for (const stored of page) {
        if (stored.revision >= end) break outer
        const told = trustEvent(stored.text)
        heard.next = stored.revision + 1
        const event = understood(told)
        // What of it is no tap or its rules, a newer till may say as it likes.
        const isLegible = event !== undefined || !touchesMoney(told)
        complete.heard(terminal, told.at, isLegible, event)
        if (!event) {
          passOver(told, heard)
          await findings.unread(told, batch)
          continue
        }
        heard.taps.apply(event)
        if (event.type === 'RulesAdopted') heard.rulesUnread = false
        if (event.type === 'TapResolved' && event.data.outcome === 'abandoned')
          await phoned.ended(terminal, event.data.transaction, 'TapAbandoned', event, batch)
        if (event.type === 'PayloadRejected')
          await phoned.ended(terminal, event.data.transaction, 'PayloadRejected', event, batch)
        if (event.type === 'TransactionRecorded') {
          const { transaction } = event.data
          // The checks of one tap are as long as everything else may have to wait.
          await between?.()
          // A verdict on half of a tap would hold an honest payment for good: it waits for a version that reads it all.
          if (heard.rulesUnread || heard.unread.has(transaction)) {
            await findings.waiting(event, batch)
            heard.taps.forget(transaction)
          } else await judge(event, heard.taps.tap(transaction), heard.taps, batch)
        } else if (event.type === 'TransactionVoided') await reverse(event, 'void', heard.taps, batch)
        else if (event.type === 'RefundRecorded') await reverse(event, 'refund', heard.taps, batch)
      }
  }

  return {
    name: 'verdicts',
    wants: (type: string): boolean => inputs.has(type) || !knownType(type),
    handle: async (told: Event): Promise<void> => {
      if (told.by === by) return
      const event = understood(told)
      if (!event) {
        // A terminal's come with its batch. One of the centre's own may be what the next verdict rests on.
        if (!told.stream.startsWith('terminal-') && (told.money || inputs.has(told.type)))
          throw new NewerThanKnown(told)
        return
      }
      if (event.type === 'BatchAccepted') return handleBatch(event)
      if (event.type === 'ForkDetected') {
        learn(event)
        return findings.fork(event)
      }
      if (event.type === 'PhoneTestified') return phoned.testified(event)
      if (event.type === 'TerminalLost') {
        learn(event)
        return phoned.lost(event)
      }
      // Logs of before this version released nothing, and verdicts in them rest on that.
      if (event.type === 'HourStruck') {
        const rule = known.rule()
        if (rule >= releasingSince) await ending.strike(event, event.data.instant, learn, rule >= resolvingSince)
        if (known.rule() >= resolvingSince) await skipped.strike(event, event.data.instant)
        return
      }
      if (event.type === 'HeldDecisionApproved') return orders.carryOut(event)
      learn(event)
      if (event.type === 'AllowanceReleased' && known.rule() >= resolvingSince) await orders.coverFreed(event)
      // Before 0.3.0 the people's own node carried it out; what of it is over the hold is an exception like any other.
      if (event.type === 'HeldPaymentDecided') await findings.exceptions(event.data, event, event)
    },
    /** What a verdict after all that was told would rest on. */
    figuresFor: known.figuresFor,
  }
}

/** The version of the verdict rule with which holds began to end. */
const releasingSince = 2
/** The one with which a difference closes by itself, so that a gap may be told before it is filled. */
const resolvingSince = 4

import { fromBase64url, hex } from '#canonical/bytes'
import type { Event } from '#canonical/event'
import type { TradeEvent } from '#ledger/vocabulary'
import { type License, readLicense } from '#license'
import type { Payment } from '#license/payment'
import { formatAmount, minorUnits } from '#money'
import type { findingsOfVerdicts } from './findings.ts'

/**
 * The counters that a license's payments left out. A phone counts what it pays, so a payment that a terminal still has
 * shows as a gap once a later one has come. Between two terminals that is every day's business: only a gap that has
 * stood for a day of the calendar is told. It closes by itself when all that is missing in it has come, from
 * whichever side.
 */

const patience_ms = 24 * 3_600_000

type Lent = {
  /** The license as this centre issued it, and whose it is. */
  readonly issuedAs: (license: string) => { readonly account: string; readonly license: License } | undefined
  readonly raise: ReturnType<typeof findingsOfVerdicts>['raise']
  readonly resolve: ReturnType<typeof findingsOfVerdicts>['resolve']
}

/** What was told, and how many of its counters have not come yet. */
type Told = { readonly of: readonly string[]; missing: number }
/** Counters of which no payment came, by both ends; and the phone's allowance on either side. */
type Gap = {
  readonly from: number
  readonly to: number
  readonly before: bigint
  readonly after: bigint
  readonly since_ms: number
  /** The hash of the last one that is missing, where the payment after it names it. */
  readonly last: string | undefined
  told: Told | undefined
}
/** How far a license's counters are known, and what its phone had left there. */
type Run = { readonly account: string; readonly currency: string; top: number; left: bigint; gaps: readonly Gap[] }

export const skippedCounters = ({ issuedAs, raise, resolve }: Lent) => {
  const runs = new Map<string, Run>()
  /** Licenses with a gap that nobody was told of. */
  const quiet = new Set<string>()
  /** What a renewal found left on the phone. */
  const freed = new Map<string, bigint>()

  const runOf = (id: string): Run | undefined => {
    const known = runs.get(id)
    if (known) return known
    const issued = issuedAs(id)
    if (!issued) return undefined
    const { counter: top, allowance: left, currency } = issued.license.credit
    const run: Run = { account: issued.account, currency, top, left, gaps: [] }
    runs.set(id, run)
    return run
  }

  /** The phone is at this counter: all between it and the last one known must come still. */
  const reached = (id: string, run: Run, to: number, after: bigint, last: string | undefined, at: string): void => {
    if (to <= run.top) return
    const gap = { from: run.top + 1, to, before: run.left, after, since_ms: Date.parse(at), last, told: undefined }
    run.gaps = [...run.gaps, gap]
    run.top = to
    run.left = after
    quiet.add(id)
  }

  const learn = (event: Event & TradeEvent): void => {
    if (event.type === 'AllowanceReleased' && event.data.keeps && event.data.overdrawn === undefined)
      freed.set(event.data.license, minorUnits(event.data.amount))
    if (event.type !== 'LicenseIssued' || event.data.renews === undefined) return
    const old = event.data.renews
    const run = runOf(old)
    // A renewal says where the phone was: under the old license nothing comes beyond that.
    const { counter } = readLicense(fromBase64url(event.data.document)).credit
    if (run) reached(old, run, counter, freed.get(old) ?? 0n, undefined, event.at)
    freed.delete(old)
  }

  /** A payment that its payer signed came. Only one that was accepted shows that others must have been before it. */
  const came = async (
    { license: id, counter, amount, allowanceAfter, previous }: Payment,
    isAccepted: boolean,
    cause: Event,
    because: Event,
  ): Promise<void> => {
    const run = runOf(id)
    if (!run) return
    const gap = run.gaps.find(({ from, to }) => from <= counter && counter <= to)
    if (!gap) {
      if (counter <= run.top || !isAccepted) return
      reached(id, run, counter - 1, allowanceAfter + amount, hex(previous), because.at)
      run.top = counter
      run.left = allowanceAfter
      return
    }
    const below = { ...gap, to: counter - 1, after: allowanceAfter + amount, last: hex(previous) }
    const above = { ...gap, from: counter + 1, before: allowanceAfter }
    const rest = [below, above].filter(({ from, to }) => from <= to)
    run.gaps = run.gaps.flatMap(each => (each === gap ? rest : each))
    const { told } = gap
    if (!told) return
    told.missing -= 1
    const why = 'all that was missing has come'
    if (told.missing === 0) await resolve('CounterSkipped', told.of, why, cause, because)
  }

  const strike = async (hour: Event, instant: string): Promise<void> => {
    const at_ms = Date.parse(instant)
    for (const id of quiet) {
      const run = runs.get(id) as Run
      for (const gap of run.gaps) {
        if (gap.told || gap.since_ms + patience_ms > at_ms) continue
        const of = [id, `${gap.from}`, `${gap.to}`]
        await raise('CounterSkipped', of, skippedIn(id, run, gap), hour, hour)
        gap.told = { of, missing: gap.to - gap.from + 1 }
      }
      if (run.gaps.every(({ told }) => told)) quiet.delete(id)
    }
  }

  return { learn, came, strike }
}

const skippedIn = (license: string, { account, currency }: Run, { from, to, before, after, last }: Gap) => {
  const spent = before - after
  const amount = spent > 0n ? spent : 0n
  const many = from === to ? `Payment ${from}` : `Payments ${from} to ${to}`
  const which = `${many} of license ${license}, ${formatAmount(amount, currency)} ${currency} by the phone’s own word,`
  const message = `${which} came from no terminal, and a later one did more than a day ago: have the terminals sync that are silent, and the phone hand over what it paid.`
  const concerns = [license, account, ...(last === undefined ? [] : [last])]
  return { amount, currency, concerns, message, counters: { license, from, to } }
}

import { fromBase64url } from '#canonical/bytes'
import type { Event } from '#canonical/event'
import { Malformed } from '#canonical/malformed'
import type { TradeEvent } from '#ledger/vocabulary'
import { readPolicy } from '#license/rules'
import { certificateFrom } from './place.ts'

/**
 * How far the terminals' logs are told. A terminal's time never goes back, so that one whose log is held past a license's
 * end and the tolerance of clocks takes no new payment under it; what it asked for before and did not end may still come.
 *
 * A retired terminal's log ends where it is. A lost one's does not: phones bring what was paid there, and its disk may. So
 * it holds back every license that began while its certificate ran, and after that no phone pays to it.
 */

type Terminal = {
  /** Of the newest event of its log that was judged. */
  told_ms: number
  /** No phone pays to it later; the newest certificate that we gave it. */
  certified_ms: number
  isRetired: boolean
  isLost: boolean
  /** There are two histories, and one of them ends who knows where. */
  isForked: boolean
  /** Its log holds taps in a shape that this version does not know. */
  isUnread: boolean
  /** Deductions that were asked for and have no end: by transaction, of which license. */
  readonly open: Map<string, string>
}

export const completeness = () => {
  const terminals = new Map<string, Terminal>()
  /** The largest that any policy of this log allows: whoever has not heard of the newest works by an older one. */
  let tolerance_ms = 0

  const terminalOf = (id: string): Terminal => {
    const known = terminals.get(id)
    if (known) return known
    const nothing = { isRetired: false, isLost: false, isForked: false, isUnread: false, open: new Map() }
    const terminal: Terminal = { told_ms: Number.NEGATIVE_INFINITY, certified_ms: 0, ...nothing }
    terminals.set(id, terminal)
    return terminal
  }

  const certified = (id: string, text: string): void => {
    const terminal = terminalOf(id)
    // One that cannot be read ends never.
    const ends_ms = (certificateFrom(text)?.expires ?? Number.POSITIVE_INFINITY) * 1000
    terminal.certified_ms = Math.max(terminal.certified_ms, ends_ms)
  }

  const learn = (event: Event & TradeEvent): void => {
    switch (event.type) {
      case 'PolicyPublished':
        tolerance_ms = Math.max(tolerance_ms, toleranceOf(event.data.document))
        return
      case 'TerminalEnrolled':
      case 'CertificateRenewed':
        return certified(event.data.terminal, event.data.certificate)
      case 'TerminalRetired':
        terminalOf(event.data.terminal).isRetired = true
        return
      case 'TerminalLost':
        terminalOf(event.data.terminal).isLost = true
        return
      case 'ForkDetected':
        terminalOf(event.data.terminal).isForked = true
        return
      default:
        return
    }
  }

  /** An event of a terminal's own log, in its order; undefined where this version cannot read it, legible if it need not. */
  const heard = (id: string, at: string, isLegible: boolean, event: (Event & TradeEvent) | undefined): void => {
    const terminal = terminalOf(id)
    terminal.told_ms = Date.parse(at)
    if (!isLegible) terminal.isUnread = true
    if (!event) return
    if (event.type === 'DeductionRequested') terminal.open.set(event.data.transaction, event.data.license)
    else if (
      event.type === 'TransactionRecorded' ||
      event.type === 'TransactionDeclined' ||
      event.type === 'TapResolved'
    )
      terminal.open.delete(event.data.transaction)
  }

  /** May this terminal still bring what it took by this moment? */
  const mayBring = ({ told_ms, isRetired, isLost, isForked, isUnread }: Terminal, ends_ms: number): boolean =>
    isForked || isUnread || (told_ms < ends_ms + tolerance_ms && (isLost || !isRetired))

  return {
    learn,
    heard,
    /**
     * Licenses that ended at this moment and were issued before the answer may be with a terminal that has not told all;
     * of those issued later none is.
     */
    heldBackBefore: (ends_ms: number): number => {
      let before_ms = Number.NEGATIVE_INFINITY
      for (const terminal of terminals.values())
        if (mayBring(terminal, ends_ms)) before_ms = Math.max(before_ms, terminal.certified_ms + tolerance_ms)
      return before_ms
    },
    /** Licenses of which a deduction was asked for and has no end. */
    open: (): ReadonlySet<string> => new Set([...terminals.values()].flatMap(({ open }) => [...open.values()])),
  }
}

const toleranceOf = (document: string): number => {
  try {
    return readPolicy(fromBase64url(document)).clockTolerance_s * 1000
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) return 0
    throw error
  }
}

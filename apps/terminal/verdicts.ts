import { z } from 'zod'
import { fromBase64url } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'
import { type Verdict, verdictsMax, verifyVerdicts } from '#license/verdicts'
import type { OwnLog } from './own-log.ts'
import type { TerminalParts } from './ports.ts'

/** Those that are held or refused are few; of more than these the newest are kept. */
const keptMax = 1000

const keptShape = z.object({
  /** Of all at or under it the centre has said something. */
  to: z.int().min(-1),
  /** Above it: accepted already, while one before them waits. */
  above: z.array(z.int()),
  /** Held or refused, with the reason. */
  otherwise: z.array(z.tuple([z.int(), z.enum(['held', 'refused']), z.string()])),
  /** At or under it one that was held or refused is not kept any more: nothing there is said to be accepted. */
  droppedTo: z.int().min(-1).default(-1),
})
type Kept = z.infer<typeof keptShape>

const nothing: Kept = { to: -1, above: [], otherwise: [], droppedTo: -1 }

/**
 * What the centre has said, signed, of this terminal's sales and of what it gave back. It lies beside the log and
 * decides nothing here: it is for the eyes of who stands at the till. An unsigned word is shown to nobody.
 */
export const verdicts = (
  { crypto, notes, identity }: Pick<TerminalParts, 'crypto' | 'notes' | 'identity'>,
  own: OwnLog,
) => {
  const { till } = own
  const before = notes.note('verdicts')
  const {
    to,
    above,
    otherwise,
    droppedTo: dropped,
  } = before === undefined ? nothing : keptShape.parse(JSON.parse(before))
  let saidTo = to
  let droppedTo = dropped
  const acceptedAbove = new Set(above)
  const said = new Map(otherwise.map(([revision, verdict, reason]) => [revision, { verdict, reason }]))

  const isAnswered = (revision: number): boolean =>
    revision <= Math.max(saidTo, droppedTo) || acceptedAbove.has(revision) || said.has(revision)

  /** What is in mind, is held at the centre, and was not answered yet; in the order of the log. */
  const unanswered = (): number[] =>
    [...till.recorded.values(), ...till.reversals.values()]
      .map(({ revision }) => revision)
      .filter(revision => revision <= till.acknowledgedTo && !isAnswered(revision))
      .sort((a, b) => a - b)

  const keep = (): void => {
    // They were answered in another order than they happened.
    const newestFirst = said.size > keptMax ? [...said.keys()].sort((a, b) => b - a) : []
    for (const revision of newestFirst.slice(keptMax)) {
      said.delete(revision)
      droppedTo = Math.max(droppedTo, revision)
    }
    const kept: Kept = {
      to: saidTo,
      above: [...acceptedAbove],
      otherwise: [...said].map(([revision, { verdict, reason }]) => [revision, verdict, reason]),
      droppedTo,
    }
    notes.setNote('verdicts', JSON.stringify(kept))
  }

  return {
    /** Whether something waits for a first word. */
    awaited: (): boolean => unanswered().length > 0,
    /** What to ask for now: what waits, and what is held and may be decided since. */
    asked: (): number[] => {
      const open = [...said].filter(([, { verdict }]) => verdict === 'held').map(([revision]) => revision)
      const all = [...new Set([...unanswered(), ...open.filter(revision => revision <= till.acknowledgedTo)])]
      // One that is never answered must not stand before all others.
      return all.length <= verdictsMax ? all : [...all.slice(0, verdictsMax / 2), ...all.slice(-verdictsMax / 2)]
    },
    /** Takes in the centre's answer to this request; false where it is not the centre's, or not on this. */
    hear: (document: string, request: string, asked: readonly number[]): boolean => {
      const { keySet } = own.rules()
      let answer: readonly Verdict[] | null
      try {
        answer =
          (keySet &&
            verifyVerdicts(crypto, fromBase64url(document), { keySet, terminal: identity.terminal, request })) ||
          null
      } catch (error) {
        if (error instanceof Malformed || error instanceof SyntaxError) return false
        throw error
      }
      if (!answer) return false
      for (const { revision, verdict, reason = '' } of answer) {
        if (verdict === 'waiting' || !asked.includes(revision)) continue
        if (verdict === 'accepted') {
          said.delete(revision)
          if (revision > saidTo) acceptedAbove.add(revision)
        } else said.set(revision, { verdict, reason })
      }
      saidTo = Math.max(saidTo, (unanswered()[0] ?? till.acknowledgedTo + 1) - 1)
      for (const revision of acceptedAbove) if (revision <= saidTo) acceptedAbove.delete(revision)
      keep()
      return true
    },
    /** The centre went back and judges anew what it lost. */
    forgetAfter: (revision: number): void => {
      saidTo = Math.min(saidTo, revision)
      droppedTo = Math.min(droppedTo, revision)
      for (const each of acceptedAbove) if (each > revision) acceptedAbove.delete(each)
      for (const each of said.keys()) if (each > revision) said.delete(each)
      keep()
    },
    /** Undefined before the centre has said anything of it, and where what it said is not kept. */
    of: (
      revision: number,
    ): { readonly verdict: 'accepted' | 'held' | 'refused'; readonly reason?: string } | undefined =>
      said.get(revision) ?? (revision > droppedTo && isAnswered(revision) ? { verdict: 'accepted' } : undefined),
  }
}

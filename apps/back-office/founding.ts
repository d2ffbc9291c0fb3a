import { isRefusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import { readKnown } from '#evidence/held'
import { centreMode, type Mode, modeOfLog, modeWords } from '#upkeep/mode'
import type { Office } from './office.ts'

/** A test centre's part met a live one's. Nothing was written; the message says which is which, and the way out. */
export class ModeMismatch extends Error {
  readonly code = 'ModeMismatch'
}

/** Who was told a mode must be that, before anything is done. */
export const refuseOtherMode = (asked: Mode | undefined, actual: Mode | undefined, whose: string): void => {
  if (asked === undefined || actual === undefined || asked === actual) return
  throw new ModeMismatch(
    `${whose} ${actual === 'live' ? 'of a live centre' : 'of a test centre'}, and this was to be a ${asked} one: start it with --mode ${actual}, or found a ${asked} centre in a folder, and on a log, of its own.`,
  )
}

/** Has the log say once whether it is of a test or of real money; throws `ModeMismatch` where that is another than the keys'. */
export const foundCentre = async ({ store, runner, keys: { mode }, actOf }: Office): Promise<void> => {
  const { events } = await readKnown(store, 'centre', modeWords)
  // A log of before this word was known says it by its terminals; it is read once for that.
  if (events.length === 0) refuseOtherMode(mode, await modeOfLog(store.readAll({ from: 0 })), 'This log is that')
  const ran = await run(runner, centreMode, modeWords, 'centre', { type: 'FoundCentre', mode }, actOf('centre'))
  if (isRefusal(ran)) throw new ModeMismatch(ran.message)
}

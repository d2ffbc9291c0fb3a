import { dirname } from 'node:path'
import { openPart } from '#machine/keyfile'
import { readWhole } from '#machine/process'
import { type Mode, modeOfLog, modes } from '#upkeep/mode'
import type { LogReader } from './copy.ts'

/** Test and live are fenced: whatever moves a log from place to place looks first of what both places are. */

/** Test and live would be mixed. Nothing was written; the message says which side is which. */
export class ModesMixed extends Error {
  readonly code = 'ModesMixed'
}

/** A log, or the keys beside one, and what it says it is of; undefined where it says nothing, as an empty one. */
export type Side = { readonly is: string; readonly mode: Mode | undefined }

/** Throws `ModesMixed` where two sides say different things. */
export const refuseMixed = (...sides: readonly Side[]): void => {
  const known = sides.filter(({ mode }) => mode !== undefined)
  const [first] = known
  const other = known.find(({ mode }) => mode !== first?.mode)
  if (!first || !other) return
  throw new ModesMixed(
    `${first.is} is of a ${first.mode} centre, and ${other.is} of a ${other.mode} one: test and live are not mixed, and nothing was written. Name two that are of one kind, or an empty place of its own.`,
  )
}

export const logSide = async (is: string, log: LogReader): Promise<Side> => ({
  is,
  mode: await modeOfLog(log.readAll({ from: 0 })),
})

/** Keys say it in the open, sealed or not. */
export const keysSide = (is: string, text: string | undefined): Side => {
  const { mode } = text === undefined ? {} : (JSON.parse(openPart(text)) as { readonly mode?: unknown })
  return { is, mode: modes.find(each => each === mode) }
}

/** The keys of the centre in whose folder a log's file lies, if it lies in one. */
export const besideSide = (file: string | undefined): Side => {
  const folder = file === undefined ? undefined : dirname(file)
  return keysSide(`keys.json in ${folder}`, folder === undefined ? undefined : readWhole(folder, 'keys.json'))
}

import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'

/**
 * `centre`: whether this log is of a test or of real money, said once by its first word. A copy, an export and a backup
 * carry it with them, so that none of them can become the other.
 */

export const modes = ['test', 'live'] as const
export type Mode = (typeof modes)[number]

export const modeWords = {
  /** Of a centre of before 0.3.0 it follows its first events, and says what its keys and terminals said before. */
  CentreFounded: word(z.object({ mode: z.enum(modes) })),
}
export type ModeEvent = FactOf<typeof modeWords>

export type ModeCommand = { readonly type: 'FoundCentre'; readonly mode: Mode }
export type ModeRefusal = Refusal & { readonly reason: 'ModeMismatch' }

type Founded = { readonly mode: Mode | undefined }

const decide = ({ mode }: ModeCommand, founded: Founded): readonly ModeEvent[] | ModeRefusal => {
  if (founded.mode === undefined) return [{ type: 'CentreFounded', data: { mode } }]
  if (founded.mode === mode) return []
  return {
    reason: 'ModeMismatch',
    message: `This log is a ${founded.mode} centre’s, and was to be a ${mode} one’s: start it with --mode ${founded.mode}, or found a ${mode} centre in a folder, and on a log, of its own.`,
    stated: mode,
    actual: founded.mode,
  }
}

const evolve = (_: Founded, { data }: ModeEvent): Founded => ({ mode: data.mode })

export const centreMode: Decider<Founded, ModeCommand, ModeEvent, ModeRefusal> = {
  initialState: { mode: undefined },
  decide,
  evolve,
}

/* ------------------------------------------------------ what a log says */

/** Who may say it, by the stream it is said in: a word in another's stream is nobody's. */
const sayers: Readonly<Record<string, (stream: string) => boolean>> = {
  CentreFounded: stream => stream === 'centre',
  TerminalInvited: stream => stream.startsWith('enrolment-'),
  TerminalEnrolled: stream => stream.startsWith('enrolment-'),
  // A terminal's own log begins with it.
  TerminalCommissioned: stream => stream.startsWith('terminal-'),
}

const saying = z.object({ data: z.object({ mode: z.enum(modes) }) })

type Stored = { readonly stream: string; readonly type: string; readonly text: string }

/**
 * What a log is of, by the first of its events that says so; undefined where none does. A centre of 0.3.0 or later says
 * it first; of an older one, and of a terminal's own log, it is what the terminals were told.
 */
export const modeOfLog = async (pages: AsyncIterable<readonly Stored[]>): Promise<Mode | undefined> => {
  for await (const page of pages)
    for (const { stream, type, text } of page) {
      if (!sayers[type]?.(stream)) continue
      const said = saying.safeParse(JSON.parse(text))
      if (said.success) return said.data.data.mode
    }
  return undefined
}

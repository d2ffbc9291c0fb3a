import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Refusal } from '#canonical/decider'
import { statedHash } from '#canonical/event'
import type { EventStore } from '#eventstore'
import { writeWhole } from '#machine/process'
import type { Marker } from './ports.ts'

/** What was written last, beside the log: so a log that was put back as it was some days ago is noticed at start. */

const markShape = z.object({
  revision: z.int().nonnegative(),
  hash: z.string().length(64),
  /** The last event that the centre has to hear of: after it come only those of the terminal's own life. */
  recordedTo: z.int().min(-1),
})
export type Mark = z.infer<typeof markShape>

/** Always as long, and shorter than a disk's sector: written over in place, it is the old one or the new one. */
const octets = 256

export const markText = (mark: Mark): string => `${JSON.stringify(mark).padEnd(octets - 1)}\n`

/** Undefined where there is none; `unreadable` where what is there says nothing. */
export const readMark = (text: string | undefined): Mark | 'unreadable' | undefined => {
  if (text === undefined) return undefined
  try {
    return markShape.parse(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return 'unreadable'
    throw error
  }
}

/**
 * Is the log less than what was marked? A log that goes further than its marker is as it should be: a power cut took
 * the marker's last word, or a version wrote that knew of none.
 */
export const whyDoubted = async (
  store: Pick<EventStore, 'read'>,
  stream: string,
  marked: Mark | 'unreadable' | undefined,
  last: { readonly revision: number; readonly hash: string } | undefined,
): Promise<Refusal | undefined> => {
  if (marked === undefined) return undefined
  const has = last?.revision ?? -1
  if (marked === 'unreadable') return logRewound(has, undefined)
  if (marked.revision > has) return logRewound(has, marked.revision)
  for await (const [stored] of store.read(stream, { from: marked.revision, direction: 'forward', pageSize: 1 }))
    return stored && statedHash(stored.text) === marked.hash ? undefined : logRewound(has, marked.revision)
  return undefined
}

const logRewound = (has: number, marked: number | undefined): Refusal => ({
  reason: 'LogRewound',
  message: `This till's log ends at revision ${has}, and ${marked === undefined ? 'what was written last cannot be read' : `revision ${marked} was written here`}: its disk was put back to an older state. It takes no payments before it has reached the centre, which gives back what is missing.`,
  has,
  ...(marked === undefined ? {} : { marked }),
})

/** In the terminal's folder. What a crash of the process leaves is whole; what the power takes makes it lag. */
export const markerFile = (folder: string): Marker & { close(): void } => {
  const name = 'log.marker'
  const path = join(folder, name)
  let file: number | undefined
  return {
    read: () => (existsSync(path) ? readFileSync(path, 'utf8') : undefined),
    write: text => {
      if (file === undefined) {
        if (!existsSync(path)) writeWhole(folder, name, text)
        file = openSync(path, 'r+')
      }
      writeSync(file, text, 0)
    },
    close: () => {
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }
}

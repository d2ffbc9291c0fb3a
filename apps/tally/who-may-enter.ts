import { existsSync } from 'node:fs'
import { z } from 'zod'
import { accessAddress, openAccess, readAddress } from '#eventstore/open'
import { accessText, readAccess } from '#operator/access'

/** Who may sign in at a centre, as a backup takes it along: hashes of passwords, and no session. */
export type AccessTexts = Readonly<Record<string, string>>

/** Throws where the text is not that of `AccessTexts` as JSON. */
export const accessTexts = (text: string): AccessTexts => {
  const texts = z.record(z.string().startsWith('operator-').max(200), z.string().max(100_000)).parse(JSON.parse(text))
  for (const each of Object.values(texts)) readAccess(each)
  return texts
}

/** Of these operators; nothing where they are a file that is not there. `heads` is where the heads are. */
export const readWhoMayEnter = async (heads: string, streams: Iterable<string>): Promise<AccessTexts> => {
  const address = accessAddress(heads)
  const { engine, place } = readAddress(address)
  if (engine === 'sqlite' && !existsSync(place)) return {}
  const access = await openAccess(address)
  try {
    const texts: Record<string, string> = {}
    for (const stream of streams) {
      const text = await access.get(stream)
      // A session that ended since must not be open again where this is restored.
      if (text !== undefined) texts[stream] = accessText({ ...readAccess(text), sessions: [] })
    }
    return texts
  } finally {
    await access.close()
  }
}

/** Puts texts where there are none: a password that was changed since the backup stays changed. */
export const writeWhoMayEnter = async (heads: string, texts: AccessTexts): Promise<void> => {
  if (Object.keys(texts).length === 0) return
  const access = await openAccess(accessAddress(heads))
  try {
    for (const [stream, text] of Object.entries(texts)) await access.replace(stream, undefined, text)
  } finally {
    await access.close()
  }
}

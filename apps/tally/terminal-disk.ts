import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type Bytes, fromBase64url } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { EventMalformed, verifyEvent } from '#canonical/event'
import type { EventStore } from '#eventstore'
import { openStore } from '#eventstore/open'
import { certificateHash, readCertificate } from '#license/certificate'
import { minorUnits } from '#money'
import { currency, minor } from '#money/fields'

/** A terminal's folder, read by who is not the terminal: who it is, and its log. Nothing is written there. */

/** The folder is no terminal's, or what it holds does not follow from its certificate. Nothing was sent. */
export class DiskRefused extends Error {
  readonly code = 'DiskRefused'
}

/** Of what the terminal keeps of its enrolment, what signs its batches and begins its chain. */
const enrolledFile = z.object({
  identity: z.object({
    terminal: z.string(),
    origin: z.string(),
    mode: z.enum(['test', 'live']),
    certificate: z.string(),
    keys: z.object({ p256: z.object({ publicKey: z.string(), privateKey: z.string() }) }),
  }),
})

export type DiskOwner = {
  readonly terminal: string
  readonly origin: string
  readonly mode: 'test' | 'live'
  readonly certificate: Bytes
  readonly key: KeyPair
}

const ownerIn = (file: string): DiskOwner => {
  try {
    const { identity } = enrolledFile.parse(JSON.parse(readFileSync(file, 'utf8')))
    const { terminal, origin, mode, certificate, keys } = identity
    const { publicKey, privateKey } = keys.p256
    readCertificate(fromBase64url(certificate))
    return {
      terminal,
      origin,
      mode,
      certificate: fromBase64url(certificate),
      key: { curve: 'P-256', publicKey: fromBase64url(publicKey), privateKey: fromBase64url(privateKey) },
    }
  } catch (cause) {
    throw new DiskRefused(`${file} cannot be read as what a terminal keeps of its enrolment.`, { cause })
  }
}

export const openDisk = async (folder: string) => {
  const [enrolled, log] = [join(folder, 'enrolled.json'), join(folder, 'log.sqlite')]
  for (const file of [enrolled, log])
    if (!existsSync(file)) throw new DiskRefused(`${folder} is no terminal's folder: ${file} is not there.`)
  const owner = ownerIn(enrolled)
  const store = await openStore(`sqlite:${log}`, () => new Date(0).toISOString(), { readonly: true })
  return { owner, store }
}

const soldIn = z.object({ currency, amount: minor })

/** Every hash, link and revision, from the certificate on, before the first is sent; and what was sold, and where. */
export const checkDisk = async (crypto: Crypto, owner: DiskOwner, store: Pick<EventStore, 'read'>) => {
  const stream = `terminal-${owner.terminal}`
  const sales: { readonly revision: number; readonly currency: string; readonly amount: bigint }[] = []
  let prev = certificateHash(crypto, owner.certificate)
  let count = 0
  for await (const page of store.read(stream, { from: 0, direction: 'forward' }))
    for (const { text } of page) {
      const event = wholeOf(crypto, text, count)
      if (event.stream !== stream || event.revision !== count || event.prev !== prev)
        throw new DiskRefused(
          `The log on this disk does not follow from ${owner.terminal}'s certificate at revision ${count}. Nothing was sent: keep the disk, and ask the back office.`,
        )
      const sold = event.type === 'TransactionRecorded' ? soldIn.safeParse(event.data) : undefined
      if (sold?.success)
        sales.push({ revision: count, currency: sold.data.currency, amount: minorUnits(sold.data.amount) })
      prev = event.hash
      count += 1
    }
  if (count === 0) throw new DiskRefused(`The log on this disk holds nothing of ${owner.terminal}.`)
  return { count, sales }
}

const wholeOf = (crypto: Crypto, text: string, revision: number) => {
  try {
    return verifyEvent(crypto, text)
  } catch (cause) {
    if (!(cause instanceof EventMalformed)) throw cause
    throw new DiskRefused(`Revision ${revision} on this disk is not as it was written: ${cause.message}`, { cause })
  }
}

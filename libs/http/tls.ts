import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import type { Server } from 'node:https'

/**
 * TLS of this server's own, from two PEM files that whoever renews the certificate writes anew: they are looked at once
 * a minute, and a new pair is taken without a stop. One that does not fit is told, and the old one stays in use.
 */

/** The paths of two PEM files: the certificate with whatever stands between it and its root, and its private key. */
export type TlsFiles = { readonly certificate: string; readonly key: string }

/** The pair cannot be used; the message names the file and why. */
export class TlsUnusable extends Error {
  readonly code = 'TlsUnusable'
}

type Pair = { readonly cert: string; readonly key: string }

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new TlsUnusable(`The TLS file ${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** The pair, where the key is the certificate's and the certificate is of this day. */
export const readTls = ({ certificate, key }: TlsFiles, now_ms: number): Pair => {
  const pair = { cert: read(certificate), key: read(key) }
  let own: X509Certificate
  let isPair: boolean
  try {
    own = new X509Certificate(pair.cert)
    isPair = own.checkPrivateKey(createPrivateKey(pair.key))
  } catch (cause) {
    throw new TlsUnusable(
      `${certificate} and ${key} are not a certificate and a private key as PEM: ${(cause as Error).message}`,
      { cause },
    )
  }
  if (!isPair) throw new TlsUnusable(`${key} is not the private key of the certificate in ${certificate}.`)
  const until = Date.parse(own.validTo)
  if (until <= now_ms)
    throw new TlsUnusable(`The certificate in ${certificate} was valid until ${own.validTo}: renew it.`)
  return pair
}

const lookEvery_ms = 60_000
const warnBefore_ms = 14 * 86_400_000

type Watch = {
  readonly now: () => number
  readonly log: { info(line: string): void; error(line: string): void }
  readonly every_ms?: number
}

/** Takes a renewed pair as soon as it lies there, and warns where none comes. Returns how to stop. */
export const keepTls = (
  server: Server,
  files: TlsFiles,
  { now, log, every_ms = lookEvery_ms }: Watch,
): (() => void) => {
  const mark = (): string => {
    try {
      return [files.certificate, files.key].map(file => statSync(file).mtimeMs).join(' ')
    } catch {
      return 'away'
    }
  }
  let taken = mark()
  let warned = 0
  const look = (): void => {
    const there = mark()
    if (there === taken) return
    taken = there
    try {
      server.setSecureContext({ ...readTls(files, now()), minVersion: 'TLSv1.2' })
      log.info(`the TLS certificate in ${files.certificate} is new, and in use`)
    } catch (error) {
      log.error(`${(error as Error).message} The one before stays in use.`)
    }
  }
  const warn = (): void => {
    if (now() - warned < 86_400_000) return
    let until: string
    try {
      until = new X509Certificate(read(files.certificate)).validTo
    } catch {
      return
    }
    if (Date.parse(until) - now() > warnBefore_ms) return
    warned = now()
    log.error(`the TLS certificate in ${files.certificate} is valid until ${until} only: renew it`)
  }
  warn()
  const timer = setInterval(() => {
    look()
    warn()
  }, every_ms)
  timer.unref()
  return () => clearInterval(timer)
}

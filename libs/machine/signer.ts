import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { base64url, fromBase64url, isBase64url } from '#canonical/bytes'
import { type Signer, SignerFailed } from '#canonical/signer'
import { Usage } from './process.ts'

/**
 * Keys behind a program: a child process that an operator names, such as one that speaks to a smart card or an HSM. It
 * reads one JSON value a line from its standard input and writes one a line to its standard output:
 *
 *     {"id":1,"key":"license-2026","ask":"publicKey"}
 *     {"id":1,"curve":"P-256","publicKey":"BJ2k…"}                  65 octets of the point, or 32 of Ed25519
 *     {"id":2,"key":"license-2026","ask":"sign","message":"hGpT…"}
 *     {"id":2,"signature":"u3Qx…"}                                  64 octets: r ‖ s over SHA-256, or Ed25519
 *     {"id":3,"error":"the card is not in the reader"}
 *
 * Octets are base64url. It is started with the first question, and again with the next after it died.
 */

const names = z.array(z.string().min(1).max(200)).min(1)
const settings = z.strictObject({
  /** The program and its arguments; no shell reads them. */
  command: z.tuple([z.string().min(1)], z.string()),
  timeout_ms: z.int().min(100).max(60_000).default(5000),
  /** The names of its keys by what they sign, the newest last. */
  keys: z.strictObject({ root: names, license: names, certificate: names, rules: names, log: names }).partial(),
})
export type SignerSettings = z.infer<typeof settings>

/** Reads the file that names a signer. Throws `Usage`. */
export const signerSettings = (file: string): SignerSettings => {
  const found = (why: string) => new Usage(`${resolve(file)} names no signer: ${why}.`)
  let text: unknown
  try {
    text = JSON.parse(readFileSync(resolve(file), 'utf8'))
  } catch (error) {
    throw found((error as Error).message)
  }
  const read = settings.safeParse(text)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw found(`${issue?.path.join('.')}: ${issue?.message}`)
}

const octets = z.string().refine(isBase64url, 'not base64url without padding')
const keyAnswer = z.discriminatedUnion('curve', [
  z.object({ curve: z.literal('P-256'), publicKey: octets.refine(text => text.length === 87, 'not 65 octets') }),
  z.object({ curve: z.literal('Ed25519'), publicKey: octets.refine(text => text.length === 43, 'not 32 octets') }),
])
const signAnswer = z.object({ signature: octets.refine(text => text.length === 86, 'not 64 octets') })
const numbered = z.object({ id: z.int(), error: z.string().optional() })

type Answer = Readonly<Record<string, unknown>>
type Waiting = { readonly resolve: (answer: Answer) => void; readonly reject: (error: SignerFailed) => void }

/** No answer is longer: a program that writes and writes is not listened to. */
const lineMax = 16_384

export type CommandSigner = {
  /** The key of that name. */
  key(name: string): Signer
  close(): void
}

export const commandSigner = ({ command, timeout_ms }: Omit<SignerSettings, 'keys'>): CommandSigner => {
  const [program, ...args] = command
  const waiting = new Map<number, Waiting>()
  let child: ChildProcessWithoutNullStreams | undefined
  let count = 0

  const end = (one: ChildProcessWithoutNullStreams, error: SignerFailed): void => {
    if (child !== one) return
    child = undefined
    one.kill('SIGKILL')
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }

  const start = (): ChildProcessWithoutNullStreams => {
    const one = spawn(program, args, { stdio: 'pipe' })
    let said = ''
    let complaint = ''
    const malformed = (why: string): void =>
      end(one, new SignerFailed(`The signer ${program} ${why}: it was ended, and is started anew.`, 'malformed'))
    const take = (line: string): void => {
      let answer: unknown
      try {
        answer = JSON.parse(line)
      } catch {
        return malformed('wrote a line that is not JSON')
      }
      const read = numbered.safeParse(answer)
      if (!read.success) return malformed('wrote an answer without the number of its question')
      const { id, error } = read.data
      const asked = waiting.get(id)
      // Of a question that was given up.
      if (!asked) return
      waiting.delete(id)
      if (error === undefined) asked.resolve(answer as Answer)
      else asked.reject(new SignerFailed(`The signer ${program} refuses: ${error.slice(0, 300)}.`, 'refused'))
    }
    one.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${said}${text}`.split('\n')
      said = lines.pop() ?? ''
      for (const line of lines) take(line)
      if (said.length > lineMax) malformed('writes without an end of line')
    })
    one.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = `${complaint}${text}`.slice(-300)
    })
    // Its death is told by its end; a pipe that broke first says nothing more.
    one.stdin.on('error', () => {})
    one.on('error', cause =>
      end(one, new SignerFailed(`The signer ${program} does not start: ${cause.message}.`, 'away', { cause })),
    )
    one.on('close', (code, signal) => {
      const how = `${signal ?? `exit ${code}`}${complaint === '' ? '' : `, ${complaint.trim()}`}`
      end(one, new SignerFailed(`The signer ${program} ended (${how}); the next question starts it anew.`, 'away'))
    })
    return one
  }

  const ask = async <Read>(question: Answer, answer: z.ZodType<Read>): Promise<Read> => {
    child ??= start()
    const one = child
    const id = ++count
    let timer: NodeJS.Timeout | undefined
    try {
      const answered = await new Promise<Answer>((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        timer = setTimeout(
          () =>
            end(
              one,
              new SignerFailed(
                `The signer ${program} did not answer within ${timeout_ms} ms: it was ended, and is started anew.`,
                'late',
              ),
            ),
          timeout_ms,
        )
        one.stdin.write(`${JSON.stringify({ id, ...question })}\n`)
      })
      const read = answer.safeParse(answered)
      if (read.success) return read.data
      const [issue] = read.error.issues
      throw new SignerFailed(
        `The signer ${program} answered what is no answer to ${String(question['ask'])} (${issue?.path.join('.')}: ${issue?.message}).`,
        'malformed',
      )
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    key: name => ({
      publicKey: async () => {
        const { curve, publicKey } = await ask({ key: name, ask: 'publicKey' }, keyAnswer)
        return { curve, publicKey: fromBase64url(publicKey) }
      },
      sign: async message => {
        const { signature } = await ask({ key: name, ask: 'sign', message: base64url(message) }, signAnswer)
        return fromBase64url(signature)
      },
    }),
    close: () => {
      if (child) end(child, new SignerFailed(`The signer ${program} was closed.`, 'away'))
    },
  }
}

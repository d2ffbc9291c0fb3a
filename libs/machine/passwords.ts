import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** Hashes of passwords: the port that sign-in asks. */
export interface Passwords {
  hash(password: string): Promise<string>
  /** Without a hash it does the same work and says no: how long it takes tells nobody which names there are. */
  verify(password: string, hash: string | undefined): Promise<boolean>
}

/** More wait for their turn than is sensible. The caller tries again later. */
export class PasswordsBusy extends Error {
  readonly code = 'PasswordsBusy'
}

/** OWASP's Password Storage Cheat Sheet for Argon2id: 19 MiB, two passes, one lane. RFC 9106 has the function. */
const cost = { memory: 19_456, passes: 2, parallelism: 1 } as const
const tagLength = 32

const run = promisify(argon2)

const derive = (password: string, nonce: Buffer, { memory, passes, parallelism }: typeof cost): Promise<Buffer> =>
  // RFC 8265, OpaqueString: the same letters typed on two keyboards are one password.
  run('argon2id', { message: password.normalize('NFC'), nonce, memory, passes, parallelism, tagLength })

/** `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, as the reference implementation prints it. */
const textOf = (nonce: Buffer, tag: Buffer): string => {
  const plain = (octets: Buffer) => octets.toString('base64').replace(/=+$/, '')
  const { memory, passes, parallelism } = cost
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${plain(nonce)}$${plain(tag)}`
}

const read = (text: string) => {
  const parts = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([\w+/]{22})\$([\w+/]{43})$/.exec(text)
  if (!parts) throw new Error('A stored password is not an Argon2id hash as this version writes it')
  const [, memory, passes, parallelism, nonce = '', tag = ''] = parts
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) } as typeof cost,
    nonce: Buffer.from(nonce, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}

/** Each takes 19 MiB and a thread of the pool that files need too: two at a time, and a short queue. */
const atOnce = 2
const waitingMax = 30

export const argon2Passwords = (): Passwords => {
  let going = 0
  const waiting: (() => void)[] = []
  const inTurn = async <Answer>(act: () => Promise<Answer>): Promise<Answer> => {
    if (waiting.length >= waitingMax)
      throw new PasswordsBusy('Too many passwords are being looked at just now: try again in a few seconds.')
    if (going >= atOnce) await new Promise<void>(resolve => waiting.push(resolve))
    else going += 1
    try {
      return await act()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else going -= 1
    }
  }
  const nobody = textOf(randomBytes(16), randomBytes(tagLength))

  return {
    hash: password =>
      inTurn(async () => {
        const nonce = randomBytes(16)
        return textOf(nonce, await derive(password, nonce, cost))
      }),
    verify: (password, hash) =>
      inTurn(async () => {
        const { cost: held, nonce, tag } = read(hash ?? nobody)
        const isRight = timingSafeEqual(await derive(password, nonce, held), tag)
        return isRight && hash !== undefined
      }),
  }
}

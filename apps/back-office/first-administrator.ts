import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Crypto } from '#canonical/crypto'
import { isRefusal } from '#canonical/decider'
import { Usage, writeWhole } from '#machine/process'
import { readable, weakness } from '#operator/passwords'
import type { Operators } from './operators.ts'
import type { SignIn } from './sign-in.ts'

/**
 * The first start makes an administrator, or nobody could add the others. The password is the one in a file that was
 * named, or in a new file of that name; without a file it is random, said once in the log of the process, and must be
 * changed by whoever uses it. Once there is a password, none of this touches it.
 */

const administrator = 'administrator'

type Parts = {
  readonly crypto: Crypto
  readonly operators: Pick<Operators, 'operatorNow' | 'addOperator' | 'notePassword'>
  readonly desk: Pick<SignIn, 'hasPassword' | 'firstPassword'>
  readonly passwordFile: string | undefined
  readonly log: { info(line: string): void; warn(line: string): void }
}

export const firstAdministrator = async ({ crypto, operators, desk, passwordFile, log }: Parts): Promise<void> => {
  const by = 'centre:first-start'
  if (!(await operators.operatorNow(administrator)))
    await operators.addOperator({ operator: administrator, role: 'administrator', by })
  if (await desk.hasPassword(administrator)) return
  const given = passwordFile === undefined ? undefined : passwordOf(passwordFile)
  const password = given ?? readable(crypto)
  // Before it opens anything, so that it is not lost with the process.
  if (passwordFile !== undefined && given === undefined)
    writeWhole(dirname(resolve(passwordFile)), basename(passwordFile), `${password}\n`)
  const oneTime = passwordFile === undefined
  // Of two nodes that start at once, one says it.
  if (!(await desk.firstPassword(administrator, password, oneTime))) return
  const noted = await operators.notePassword({ operator: administrator, oneTime, by })
  if (isRefusal(noted)) log.warn(noted.message)
  if (oneTime)
    log.warn(
      `sign in as ${administrator} with the one-time password ${password} and choose another; it is said this once`,
    )
  else log.info(`sign in as ${administrator} with the password in ${passwordFile}`)
}

const passwordOf = (file: string): string | undefined => {
  if (!existsSync(file)) return undefined
  const password = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  const poor = /[\r\n]/.test(password) ? { message: 'A password is one line.' } : weakness(administrator, password)
  if (poor) throw new Usage(`${file}: ${poor.message}`)
  return password
}

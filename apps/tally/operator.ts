import { parseArgs } from 'node:util'
import { base64url } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import { uuid7 } from '#canonical/ids'
import { run } from '#cqrs/run'
import { accessAddress, headsAddress, openAccess, openStore } from '#eventstore/open'
import { nodeCrypto } from '#machine/crypto'
import { argon2Passwords } from '#machine/passwords'
import { Usage } from '#machine/process'
import { operator as operatorDecider, operatorId, operatorWords } from '#operator'
import { accessText } from '#operator/access'
import { readable } from '#operator/passwords'
import { CentreRefused } from './centre.ts'
import { addressOf, centreFolder, openLog, sourceOptions } from './source.ts'

/**
 * `tally operator password NAME`: a new one-time password, for an administrator who has forgotten the old one. It asks
 * nobody: whoever holds the centre's folder holds its keys anyway. The log says that it happened.
 */
export const operator = async (args: readonly string[]): Promise<number> => {
  const { values, positionals } = parseArgs({ args: [...args], options: sourceOptions, allowPositionals: true })
  const [word, name, ...more] = positionals
  if (word !== 'password' || name === undefined || more.length > 0)
    throw new Usage('operator takes password NAME: whose password is forgotten.')
  if (!operatorId.safeParse(name).success) throw new Usage(`${name} is no operator’s id.`)
  process.umask(0o077)
  const crypto = nodeCrypto()
  const folder = centreFolder(values.data ?? './data')
  const now = () => new Date().toISOString()
  // A log that is not there is not made for this.
  await (await openLog(addressOf(values))).close()
  const store = await openStore(addressOf(values), now)
  const access = await openAccess(accessAddress(headsAddress({ ...values, folder })))
  try {
    const id = uuid7(Date.now(), crypto.random(16))
    const act = { id, at: now(), by: 'centre:command-line', correlation: id, causation: id }
    const command = { type: 'SetPassword' as const, operator: name, oneTime: true }
    const runner = { store, crypto, salt: () => base64url(crypto.random(16)) }
    const ran = await run(runner, operatorDecider, operatorWords, `operator-${name}`, command, act)
    if (isRefusal(ran)) throw new CentreRefused(ran.message, ran.reason)
    const password = readable(crypto)
    const text = accessText({ password: await argon2Passwords().hash(password), oneTime: true, sessions: [] })
    const key = `operator-${name}`
    while (!(await access.replace(key, await access.get(key), text)));
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ operator: name, oneTimePassword: password })}\n`
        : `${name} signs in once with ${password} and chooses another; every session of ${name} has ended\n`,
    )
    return 0
  } finally {
    await access.close()
    await store.close()
  }
}

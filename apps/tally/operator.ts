import { parseArgs } from 'node:util'
import { base64url } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isRefusal } from '#canonical/decider'
import { uuid7 } from '#canonical/ids'
import { run } from '#cqrs/run'
import { accessAddress, headsAddress, openAccess, openStore } from '#eventstore/open'
import { readKnown } from '#evidence/held'
import { nodeCrypto } from '#machine/crypto'
import { argon2Passwords } from '#machine/passwords'
import { Usage } from '#machine/process'
import { type OperatorCommand, operator as operatorDecider, operatorId, operatorWords } from '#operator'
import { accessText } from '#operator/access'
import { readable } from '#operator/passwords'
import { CentreRefused } from './centre.ts'
import { addressOf, centreFolder, openLog, sourceOptions } from './source.ts'

/**
 * `tally operator password NAME` makes a new one-time password for an administrator who has forgotten the old one;
 * `tally operator reinstate NAME` lets one in again who was suspended and whom nobody is left to reinstate; `tally operator
 * role NAME administrator` gives the role back where nobody has it who could give it. None asks anybody: whoever holds the
 * centre's folder holds its keys anyway. The log says that it happened, and from where.
 */
export const operator = async (args: readonly string[]): Promise<number> => {
  const { values, positionals } = parseArgs({ args: [...args], options: sourceOptions, allowPositionals: true })
  const [word, name, ...more] = positionals
  // Lower roles are an administrator's to give, who is there again after this.
  const isRole = word === 'role' && more.join() === 'administrator'
  if (name === undefined || !(isRole || ((word === 'password' || word === 'reinstate') && more.length === 0)))
    throw new Usage(
      'operator takes password NAME, whose password is forgotten; reinstate NAME, who is suspended and whom no administrator is left to reinstate; or role NAME administrator, where no administrator is left to give it.',
    )
  if (!operatorId.safeParse(name).success) throw new Usage(`${name} is no operator’s id.`)
  process.umask(0o077)
  const crypto = nodeCrypto()
  const now = () => new Date().toISOString()
  // A log that is not there is not made for this.
  await (await openLog(addressOf(values))).close()
  const store = await openStore(addressOf(values), now)
  const decided = async (command: OperatorCommand) => {
    const id = uuid7(Date.now(), crypto.random(16))
    const act = { id, at: now(), by: 'centre:command-line', correlation: id, causation: id }
    const runner = { store, crypto, salt: () => base64url(crypto.random(16)) }
    const ran = await run(runner, operatorDecider, operatorWords, `operator-${name}`, command, act)
    if (isRefusal(ran)) throw new CentreRefused(ran.message, ran.reason)
    return ran
  }
  const say = (answer: Readonly<Record<string, unknown>>, words: string): void => {
    process.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : `${words}\n`)
  }
  try {
    if (word === 'reinstate') {
      const reason = 'reinstated at the command line of the centre'
      const { index } = await decided({ type: 'ReinstateOperator', operator: name, reason })
      const changed = index !== undefined
      say(
        { operator: name, reinstated: changed },
        changed
          ? `${name} may sign in again, in the same role and with the same password`
          : `${name} is not suspended: nothing was written`,
      )
      return 0
    }
    if (isRole) {
      // The others are counted for whoever loses the role, and here somebody gets it.
      const { index } = await decided({
        type: 'SetOperatorRole',
        operator: name,
        role: 'administrator',
        administrators: 0,
      })
      const changed = index !== undefined
      const { events } = await readKnown(store, `operator-${name}`, operatorWords)
      const suspended = events.reduce(operatorDecider.evolve, operatorDecider.initialState)?.suspended === true
      say(
        { operator: name, role: 'administrator', changed, suspended },
        [
          changed ? `${name} is administrator` : `${name} is administrator already: nothing was written`,
          ...(suspended ? [`${name} is suspended: reinstate ${name} as well, by operator reinstate ${name}`] : []),
        ].join('\n'),
      )
      return 0
    }
    await decided({ type: 'SetPassword', operator: name, oneTime: true })
    const password = await freshPassword(
      name,
      crypto,
      headsAddress({ ...values, folder: centreFolder(values.data ?? './data') }),
    )
    say(
      { operator: name, oneTimePassword: password },
      `${name} signs in once with ${password} and chooses another; every session of ${name} has ended, and ${name} approves nothing for a day`,
    )
    return 0
  } finally {
    await store.close()
  }
}

/** Lays a new one-time password beside the log, and ends every session with the same step. */
const freshPassword = async (name: string, crypto: Crypto, heads: string): Promise<string> => {
  const access = await openAccess(accessAddress(heads))
  try {
    const password = readable(crypto)
    const text = accessText({ password: await argon2Passwords().hash(password), oneTime: true, sessions: [] })
    const key = `operator-${name}`
    while (!(await access.replace(key, await access.get(key), text)));
    return password
  } finally {
    await access.close()
  }
}

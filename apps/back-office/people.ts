import { account as accountDecider } from '#account'
import { accountWords } from '#account/events'
import { isRefusal, type Refusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import type { Vault } from '#eventstore/vault'
import { type Holds, unknown } from './holds.ts'
import type { Office } from './office.ts'

/** Who the payers are: kept apart from the log, found at the counter by name, and erased when they ask for it. */

export type Person = {
  readonly name: string
  readonly address?: string | undefined
  readonly phone?: string | undefined
  readonly email?: string | undefined
  readonly notes?: string | undefined
}

const foundMax = 20

/** As people look for each other: without marks over letters, without regard to capitals. */
const folded = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().trim()

export const people = (
  { runner, now, actOf }: Pick<Office, 'runner' | 'now' | 'actOf'>,
  vault: Vault,
  { stateOf }: Pick<Holds, 'stateOf'>,
  /** Who looked at whom goes into the log of the process, without what was seen. */
  note: (line: string) => void,
) => {
  const wasErased = (account: string, at: string): Refusal => ({
    reason: 'PersonErased',
    message: `What was known of the holder of account ${account} was erased on ${at.slice(0, 10)}, and is not written down again.`,
    account,
    at,
  })

  /** A vault that was restored may hold whom the log says erased: nobody is shown, and it is erased again. */
  const kept = async (account: string) => {
    const held = await vault.get(account)
    if (!held || !(await stateOf(account))?.isErased) return held
    await vault.erase(account, now())
    return undefined
  }

  const person = async ({ account, by }: { readonly account: string; readonly by: string }) => {
    const held = await kept(account)
    if (held) {
      note(`${by} read the person of account ${account}`)
      return { account, version: held.version, ...(JSON.parse(held.text) as Person) }
    }
    const at = await vault.erased(account)
    if (at !== undefined) return wasErased(account, at)
    if (!(await stateOf(account))) return unknown(account)
    return { account, version: 0, name: '' }
  }

  const keepPerson = async (
    asked: Person & { readonly account: string; readonly version: number; readonly by: string },
  ) => {
    const { account, version, by, name, address, phone, email, notes } = asked
    if (!(await stateOf(account))) return unknown(account)
    const at = await vault.erased(account)
    if (at !== undefined) return wasErased(account, at)
    const text = JSON.stringify({ name, address, phone, email, notes })
    const words = folded([name, phone, email].filter(Boolean).join('\n'))
    if (!(await vault.put(account, version, text, words)))
      return {
        reason: 'PersonChanged',
        message: `Somebody else changed the person of account ${account} meanwhile: read it again, and change that.`,
        account,
      }
    note(`${by} changed the person of account ${account}`)
    return { account, version: version + 1 }
  }

  const findPeople = async ({ words, by }: { readonly words: string; readonly by: string }) => {
    const found: Awaited<ReturnType<Vault['find']>> = []
    for (const each of await vault.find(folded(words), foundMax)) if (await kept(each.key)) found.push(each)
    note(`${by} looked for people and found ${found.map(({ key }) => key).join(', ') || 'nobody'}`)
    return {
      people: found.map(({ key, version, text }) => ({ account: key, version, ...(JSON.parse(text) as Person) })),
      mayBeMore: found.length === foundMax,
    }
  }

  /** The vault first: should what comes between fail, the person is gone, and asked again the log hears of it. */
  const erasePerson = async (asked: { readonly account: string; readonly reason: string; readonly by: string }) => {
    const { account, reason, by } = asked
    const state = await stateOf(account)
    if (!state) return unknown(account)
    await vault.erase(account, now())
    if (state.isErased) return { account }
    const command = { type: 'NoteErasure' as const, account, why: reason }
    const ran = await run(runner, accountDecider, accountWords, `account-${account}`, command, actOf(by))
    return isRefusal(ran) ? ran : { account }
  }

  return { person, keepPerson, findPeople, erasePerson }
}

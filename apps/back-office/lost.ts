import { decreeWords } from '#account/decrees'
import { isRefusal, type Refusal } from '#canonical/decider'
import type { Rows } from '#eventstore/rows'
import { readKnown } from '#evidence/held'
import { formatAmount, parseAmount } from '#money'
import { appliedTo } from '#projections'
import { holdsOf } from '#projections/exposure'
import { terminalList } from '#projections/terminals'
import type { accounts } from './accounts.ts'
import { unknown } from './holds.ts'
import type { Licenses } from './licenses.ts'
import type { Office } from './office.ts'
import { renewalOf } from './renewals.ts'

/**
 * A phone that was lost, at night: one call ends its license and puts it on the deny list, and says which terminals
 * have that list, which have not, and what can still be spent there meanwhile.
 */

type Account = ReturnType<typeof accounts>

export const lostPhones = (
  { store, crypto }: Pick<Office, 'store' | 'crypto'>,
  rows: Rows,
  { endLicenses, suspendAccount, cardOfAccount }: Pick<Account, 'endLicenses' | 'suspendAccount' | 'cardOfAccount'>,
  { issuedAs }: Pick<Licenses, 'issuedAs'>,
  /** What terminals said to this node and their logs do not tell yet: when, and of the list that they work under. */
  {
    heard,
    denyLists,
  }: { readonly heard: ReadonlyMap<string, number>; readonly denyLists: ReadonlyMap<string, number> },
) => {
  const licensesOf = (account: string) => rows.snapshot(reader => holdsOf(reader, account))

  const loseLicense = async (asked: {
    readonly account: string
    /** None: all that the account has. */
    readonly license?: string | undefined
    readonly suspend: boolean
    readonly reason: string
    readonly by: string
  }) => {
    const { account, license, suspend, reason, by } = asked
    const { holds } = await licensesOf(account)
    const open = holds.flatMap(each => (each.state === 'issued' || each.state === 'revoked' ? [each.license] : []))
    const lost = await runningOf(account, license === undefined ? open : [license])
    if (license !== undefined && lost.length === 0)
      return {
        reason: 'LicenseUnknown',
        message: `Account ${account} has no license ${license} that runs: its page lists those that it has.`,
        license,
      }
    if (lost.length === 0 && !suspend) return unknownPhone(account)
    if (suspend) {
      const suspended = await suspendAccount({ account, reason, by })
      if (isRefusal(suspended)) return suspended
    }
    // One that was renewed at this moment is looked for again, until there is none.
    for (let ended = 0, running = lost; ; running = await runningOf(account, running)) {
      if (running.length === ended) return whereabouts(account)
      const denied = await endLicenses(running, reason, by)
      if (isRefusal(denied)) return denied
      ended = running.length
    }
  }

  /** These licenses and those that renewed them, by the log and not by rows; without what has expired. */
  const runningOf = async (account: string, licenses: readonly string[]): Promise<string[]> => {
    const running = new Set<string>()
    for (const begun of licenses)
      for (let license = begun; ; license = renewalOf(crypto, license)) {
        const { issued, events } = await issuedAs(license)
        if (issued?.account !== account) break
        if (!events.some(({ type }) => type === 'LicenseExpired')) running.add(license)
      }
    return [...running]
  }

  /** The first version of the deny list since which each entry has stood on it. */
  const denied = async (
    entries: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, { version: number; at: string }>> => {
    const found = new Map<string, { version: number; at: string }>()
    const { events } = await readKnown(store, 'rules', decreeWords)
    for (const event of events) {
      if (event.type !== 'DenyListChanged') continue
      const { version, added, removed } = event.data
      for (const entry of [...added.licenses, ...added.cards])
        if (entries.has(entry)) found.set(entry, { version, at: event.at })
      for (const entry of [...removed.licenses, ...removed.cards]) found.delete(entry)
    }
    return found
  }

  /** Which terminals refuse what is denied of this account, and what may be spent at the others. */
  const whereabouts = async (account: string) => {
    const { holds, terminals, index } = await rows.snapshot(async reader => ({
      holds: (await holdsOf(reader, account)).holds,
      terminals: (await terminalList(reader)).terminals.filter(({ state }) => state !== 'invited'),
      index: await appliedTo(reader),
    }))
    if (holds.length === 0) return unknownPhone(account)
    const card = cardOfAccount(account)
    const since = await denied(new Set([card, ...holds.map(({ license }) => license)]))
    const lost = holds.flatMap(hold => {
      const listed = [since.get(hold.license), since.get(card)].filter(each => each !== undefined)
      const [first] = listed.sort((a, b) => a.version - b.version)
      return first ? [{ ...hold, denyList: first.version, deniedAt: first.at }] : []
    })
    const needed = lost.reduce((most, { denyList }) => Math.max(most, denyList), 0)
    const shown = terminals.map(({ terminal, shop, lastSeen, denyListVersion }) => {
      const contact = heard.get(terminal)
      const heardAt = contact === undefined ? '' : new Date(contact).toISOString()
      const denyList = Math.max(denyListVersion ?? 0, denyLists.get(terminal) ?? 0)
      return {
        terminal,
        shop,
        denyList,
        lastSeen: heardAt > (lastSeen ?? '') ? heardAt : lastSeen,
        hasAdopted: needed > 0 && denyList >= needed,
      }
    })
    const missing = shown.filter(({ hasAdopted }) => !hasAdopted).length
    const exposed = new Map<string, bigint>()
    if (missing > 0)
      for (const { currency, left } of lost) {
        const amount = parseAmount(left, currency)
        if (typeof amount === 'bigint') exposed.set(currency, (exposed.get(currency) ?? 0n) + amount)
      }
    return {
      account,
      lost,
      denyList: needed,
      terminals: shown.sort((a, b) => Number(a.hasAdopted) - Number(b.hasAdopted)),
      adopted: shown.length - missing,
      missing,
      /** What the phones may still spend where the list is not known: nothing, once all have it. */
      exposed: [...exposed].map(([currency, amount]) => ({ currency, amount: formatAmount(amount, currency) })),
      index,
    }
  }

  const unknownPhone = (account: string): Refusal => ({
    ...unknown(account),
    reason: 'PhoneUnknown',
    message: `Account ${account} has no phone with a license here: look at its page, or suspend the account.`,
  })

  return { loseLicense, whereabouts }
}

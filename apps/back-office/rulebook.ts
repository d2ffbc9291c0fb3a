import { decreeWords } from '#account/decrees'
import { type DenyEntries, nextVersion, type Rulemaking, type RulemakingCommand, rulemaking } from '#account/rulemaking'
import { base64url, fromBase64url, hex } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { isUuid } from '#canonical/ids'
import { run } from '#cqrs/run'
import { parse1 } from '#license/cose'
import { deltaOf } from '#license/delta'
import { type FareTable, fareTableFault, readFareTable, signFareTable } from '#license/fares'
import { type Policy, readDenyList, readPolicy, signDenyList, signPolicy } from '#license/rules'
import type { Currency } from '#money'
import { type OfferedRules, ruleKinds } from '#tap/rules'
import { firstPolicy } from './authority.ts'
import { decreed, signedDocuments } from './decreed.ts'
import type { Office } from './office.ts'
import type { SigningKeys } from './signing-keys.ts'

/** The rules that the authority decreed, as signed documents; signed anew before a terminal would find them too old. */

const rulesFreshFor_s = 12 * 3600
const attemptsMax = 8

export type Rulebook = Awaited<ReturnType<typeof rulebook>>

/** Whose rules: those of a merchant, in the currency that it sells in. */
export type Whose = { readonly merchant: string; readonly currency: Currency }

/** What was decreed of the deny list: its version, and what changed; nothing where all was so already. */
export type DenyListVersion = {
  readonly version: number
  readonly licenses: number
  readonly cards: number
  readonly added: DenyEntries
  readonly removed: DenyEntries
}

type Making = (state: Rulemaking) => Promise<RulemakingCommand | Refusal | undefined>

const noEntries: DenyEntries = { licenses: [], cards: [] }
const words = new Set(['PolicyPublished', 'DenyListChanged', 'FareTablePublished'])

export const rulebook = async (office: Office, signing: SigningKeys) => {
  const { crypto, runner, now_s, actOf } = office
  const documents = signedDocuments()
  const read = decreed(office, 'rules', rulemaking, type => words.has(type), documents)

  const headers = new Map<string, { readonly issued: number; readonly kid: string }>()
  /** When a document was issued and by which key; a deny list is long, and read once for many batches. */
  const headerOf = (
    { hash, document }: { readonly hash: string; readonly document: string },
    issuedOf: (octets: Uint8Array) => { readonly issued: number },
  ) => {
    const octets = () => fromBase64url(document)
    const known = headers.get(hash) ?? { ...issuedOf(octets()), kid: hex(parse1(octets()).kid ?? new Uint8Array(0)) }
    if (headers.size > 100) headers.clear()
    headers.set(hash, { issued: known.issued, kid: known.kid })
    return known
  }
  /** Young enough, and signed by a key that is not compromised: a terminal takes it. */
  const isFresh = (
    document: { readonly hash: string; readonly document: string } | undefined,
    issuedOf: (octets: Uint8Array) => { readonly issued: number },
  ): boolean => {
    if (!document) return false
    const { issued, kid } = headerOf(document, issuedOf)
    return now_s() - issued < rulesFreshFor_s && signing.isTrusted(kid)
  }

  /** Signs for the version that comes next and publishes; where another was faster, once more. */
  const publish = async (make: Making, by: string): Promise<Rulemaking | Refusal> => {
    for (let attempt = 1; ; attempt++) {
      const state = await read()
      const made = await make(state)
      if (made === undefined) return state
      if ('message' in made) return made
      const ran = await run(runner, rulemaking, decreeWords, 'rules', made, actOf(by))
      if (!isRefusal(ran)) return read()
      if (attempt === attemptsMax) return ran
    }
  }
  const orThrow = (answer: Rulemaking | Refusal): Rulemaking => {
    if ('message' in answer) throw new Error(answer.message)
    return answer
  }

  const signed = (document: Uint8Array) => ({ hash: hex(crypto.sha256(document)), document: base64url(document) })

  const policyIn = (state: Rulemaking, currency: Currency) =>
    state.policies.find(policy => policy.currency === currency)

  const publishing = async (state: Rulemaking, policy: Policy, reason?: string): Promise<RulemakingCommand> => {
    const version = nextVersion(state, 'policy')
    const next = { ...policy, version, issued: now_s() }
    const document = await signing.sign('rules', (crypto, key) => signPolicy(crypto, next, key))
    return { type: 'PublishPolicy', version, currency: policy.currency, ...signed(document), reason }
  }

  const tabling = async (state: Rulemaking, table: FareTable, reason?: string): Promise<RulemakingCommand> => {
    const version = nextVersion(state, 'fareTable')
    const { merchant, currency } = table
    const next = { ...table, version, issued: now_s() }
    const document = await signing.sign('rules', (crypto, key) => signFareTable(crypto, next, key))
    return { type: 'PublishFareTable', version, merchant, currency, ...signed(document), reason }
  }

  /** The deny list after a change; undefined where it changes nothing and is fresh. */
  const denying = async (
    { denyList: held, ...state }: Rulemaking,
    add: DenyEntries,
    remove: DenyEntries,
    reason?: string,
  ): Promise<RulemakingCommand | undefined> => {
    const absent = (kind: 'licenses' | 'cards') => [...new Set(add[kind])].filter(entry => !held?.[kind].has(entry))
    const present = (kind: 'licenses' | 'cards') => [...new Set(remove[kind])].filter(entry => held?.[kind].has(entry))
    const added = { licenses: absent('licenses'), cards: absent('cards') }
    const removed = { licenses: present('licenses'), cards: present('cards') }
    const isChange = [added, removed].some(({ licenses, cards }) => licenses.length + cards.length > 0)
    if (!isChange && isFresh(held, readDenyList)) return undefined
    const after = (kind: 'licenses' | 'cards') => {
      const gone = new Set(removed[kind])
      return [...(held?.[kind] ?? []), ...added[kind]].filter(entry => !gone.has(entry)).toSorted(shortestFirst)
    }
    const version = nextVersion({ ...state, denyList: held }, 'denyList')
    const list = { version, issued: now_s(), licenses: after('licenses'), cards: after('cards') }
    const document = await signing.sign('rules', (crypto, key) => signDenyList(crypto, list, key))
    return { type: 'ChangeDenyList', version, added, removed, ...signed(document), reason }
  }

  /** All rules of a merchant, signed anew where they grew old or their key is compromised. */
  const current = async ({ merchant, currency }: Whose): Promise<Rulemaking> => {
    await signing.refresh()
    const state = await read()
    const tableIn = ({ fareTables }: Rulemaking) => fareTables.find(table => table.merchant === merchant)
    if (!isFresh(policyIn(state, currency), readPolicy))
      orThrow(
        await publish(async state => {
          const held = policyIn(state, currency)
          if (isFresh(held, readPolicy)) return undefined
          return publishing(state, held ? readPolicy(fromBase64url(held.document)) : firstPolicy(1, now_s(), currency))
        }, 'centre'),
      )
    if (tableIn(state) && !isFresh(tableIn(state), readFareTable))
      orThrow(
        await publish(async state => {
          const held = tableIn(state)
          if (!held || isFresh(held, readFareTable)) return undefined
          return tabling(state, readFareTable(fromBase64url(held.document)))
        }, 'centre'),
      )
    return orThrow(await publish(state => denying(state, noEntries, noEntries), 'centre'))
  }

  const inForce = async (whose: Whose) => {
    const state = await current(whose)
    const policy = policyIn(state, whose.currency)
    const { denyList, fareTables } = state
    if (!policy || !denyList) throw new Error(`No rules for ${whose.currency} came about`)
    const fareTable = fareTables.find(({ merchant }) => merchant === whose.merchant)
    return { policy, denyList, keySet: await signing.keySet(), ...(fareTable ? { fareTable } : {}) }
  }

  /** The newest signed rules for a terminal of this merchant. */
  const rules = async (whose: Whose) => {
    const { policy, denyList, keySet, fareTable } = await inForce(whose)
    return {
      policy: policy.document,
      denyList: denyList.document,
      keySet: keySet.document,
      ...(fareTable ? { fareTable: fareTable.document } : {}),
    }
  }
  await current({ merchant: '', currency: 'EUR' })

  /**
   * The rules of a merchant for a terminal that says what it has, by the hashes of its documents: nothing of what it has
   * already, a delta where its document is still known here and the delta is shorter, and else the document.
   */
  const rulesSince = async (whose: Whose, have: ReadonlyMap<string, string>): Promise<OfferedRules> => {
    const now = await inForce(whose)
    const whole: Partial<Record<(typeof ruleKinds)[number], string>> = {}
    const deltas: typeof whole = {}
    for (const kind of ruleKinds) {
      const newest = now[kind]
      const has = have.get(kind)
      if (!newest || newest.hash === has) continue
      const before = has === undefined ? undefined : (documents.get(has) ?? signing.documents.get(has))
      const delta = before && base64url(deltaOf(crypto, fromBase64url(before), fromBase64url(newest.document)))
      if (delta !== undefined && delta.length < newest.document.length) deltas[kind] = delta
      else whole[kind] = newest.document
    }
    return { ...whole, deltas }
  }

  const versions = async (whose: Whose) => {
    const { policy, denyList, keySet, fareTable } = await inForce(whose)
    return {
      policy: policy.version,
      denyList: denyList.version,
      keySet: keySet.version,
      ...(fareTable ? { fareTable: fareTable.version } : {}),
    }
  }

  const changeDenyList = async (
    add: DenyEntries,
    remove: DenyEntries,
    by: string,
    reason: string | undefined,
  ): Promise<DenyListVersion | Refusal> => {
    const wrong = misshapen(add) ?? misshapen(remove)
    if (wrong !== undefined)
      return {
        reason: 'DenyEntryInvalid',
        message: `${wrong} is neither a license id nor a card number of 16 to 19 digits: the list was not changed.`,
        entry: wrong,
      }
    const before = (await read()).denyList
    const after = await publish(state => denying(state, add, remove, reason), by)
    if ('message' in after) return after
    const { denyList } = after
    const newIn = (kind: 'licenses' | 'cards', one: Rulemaking['denyList'], other: Rulemaking['denyList']) =>
      [...(one?.[kind] ?? [])].filter(entry => !other?.[kind].has(entry))
    return {
      version: denyList?.version ?? 0,
      licenses: denyList?.licenses.size ?? 0,
      cards: denyList?.cards.size ?? 0,
      added: { licenses: newIn('licenses', denyList, before), cards: newIn('cards', denyList, before) },
      removed: { licenses: newIn('licenses', before, denyList), cards: newIn('cards', before, denyList) },
    }
  }

  return {
    rules,
    rulesSince,
    versions,
    /** As it was when it was looked at last: signing anything looks. */
    keySet: (): string => signing.keySetHeld().document,
    /**
     * Puts licenses and cards on the deny list, at once; terminals have it with their next sync. What is on it already
     * stays, and is no new version. `licenses` are license ids, `cards` card numbers.
     */
    deny: (entries: Partial<DenyEntries>, by: string, reason?: string) =>
      changeDenyList({ ...noEntries, ...entries }, noEntries, by, reason),
    /** Takes licenses and cards off the deny list; what is not on it changes nothing. */
    undeny: (entries: Partial<DenyEntries>, by: string, reason?: string) =>
      changeDenyList(noEntries, { ...noEntries, ...entries }, by, reason),
    /** Changes what a currency's policy says; what is not named stays, and what may be missing goes by null. */
    setPolicy: async (asked: {
      readonly currency: Currency
      readonly change: PolicyChange
      readonly reason: string
      readonly by: string
    }): Promise<{ readonly version: number } | Refusal> => {
      const { currency, change, reason, by } = asked
      const after = await publish(async state => {
        const held = policyIn(state, currency)
        const before = held ? readPolicy(fromBase64url(held.document)) : firstPolicy(1, now_s(), currency)
        const next = changed(before, change)
        const fault = policyFault(next)
        if (fault !== undefined)
          return { reason: 'PolicyUnsound', message: `This policy cannot be kept: ${fault}. Nothing was changed.` }
        return held && text(next) === text(before) ? undefined : publishing(state, next, reason)
      }, by)
      return 'message' in after ? after : { version: policyIn(after, currency)?.version ?? 0 }
    },
    /** Publishes what rides cost in a merchant's vehicles. */
    publishFareTable: async (asked: {
      readonly table: Omit<FareTable, 'version' | 'issued'>
      readonly reason: string
      readonly by: string
    }): Promise<{ readonly version: number } | Refusal> => {
      const table = { ...asked.table, version: 0, issued: 0 }
      const fault = fareTableFault(table)
      if (fault !== undefined)
        return {
          reason: 'FareTableUnsound',
          message: `This fare table cannot be kept: ${fault}. Nothing was published.`,
        }
      const after = await publish(async state => {
        const held = state.fareTables.find(({ merchant }) => merchant === table.merchant)
        const before = held && { ...readFareTable(fromBase64url(held.document)), version: 0, issued: 0 }
        return before && text(before) === text(table) ? undefined : tabling(state, table, asked.reason)
      }, asked.by)
      if ('message' in after) return after
      return { version: after.fareTables.find(({ merchant }) => merchant === table.merchant)?.version ?? 0 }
    },
    /** For the screen: the policies in force, and what is on the deny list. */
    look: async () => {
      const { policies, denyList, fareTables } = await read()
      return {
        policies: policies.map(({ document, reason }) => ({ ...readPolicy(fromBase64url(document)), why: reason })),
        denyList: {
          version: denyList?.version ?? 0,
          licenses: [...(denyList?.licenses ?? [])],
          cards: [...(denyList?.cards ?? [])],
        },
        fareTables: fareTables.map(({ document }) => readFareTable(fromBase64url(document))),
      }
    },
  }
}

type Changeable = Omit<Policy, 'version' | 'issued' | 'currency'>
/** What a policy need not say can be taken out of it. */
type PolicyChange = Partial<Omit<Changeable, 'silentMax' | 'rollOver_hour'>> & {
  readonly silentMax?: Policy['silentMax'] | null
  readonly rollOver_hour?: Policy['rollOver_hour'] | null
}

const changed = (before: Policy, change: PolicyChange): Policy => {
  const { silentMax = before.silentMax ?? null, rollOver_hour = before.rollOver_hour ?? null, ...rest } = change
  const { silentMax: _, rollOver_hour: __, ...said } = before
  return {
    ...said,
    ...rest,
    ...(silentMax === null ? {} : { silentMax }),
    ...(rollOver_hour === null ? {} : { rollOver_hour }),
  }
}

/** Amounts are bigint, and keys in the order of their document. */
const text = (value: object): string =>
  JSON.stringify(
    Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)),
    (_, each: unknown) => (typeof each === 'bigint' ? `${each}` : each),
  )

/** What would keep every terminal from selling, or let none be bounded. */
const policyFault = (policy: Policy): string | undefined => {
  const { perTransaction, silentMax, perKeyOnTerminal, sinceSeen, stored, roundTrip_ms } = policy
  if (perTransaction === 0n) return 'no payment is as small as nothing'
  if (silentMax !== undefined && silentMax > perTransaction) return 'the silent limit is above that of a payment'
  if (perKeyOnTerminal < perTransaction) return 'one phone may pay less at a terminal in all than in one payment'
  if (sinceSeen.sum < perTransaction) return 'a phone may spend less until it is seen than in one payment'
  if (stored.sum < perTransaction) return 'a terminal may keep less than one payment'
  if (sinceSeen.count === 0 || stored.count === 0) return 'no payment may be kept'
  const { hoursSinceSync, denyListAge_hours, policyAge_hours, rollOver_hour = 0 } = policy
  if (rollOver_hour > 23) return 'a day has no hour after its 23rd'
  // Rules are signed anew each half day: a terminal that asks once a day must not find them too old.
  if (Math.min(hoursSinceSync, denyListAge_hours, policyAge_hours) < 24) return 'an age of less than a day'
  return roundTrip_ms < 100 ? 'no phone answers in less than 100 ms' : undefined
}

/** As their encodings compare: entries of one length by their text. */
const shortestFirst = (one: string, other: string): number =>
  one.length - other.length || (one < other ? -1 : one > other ? 1 : 0)

const misshapen = ({ licenses, cards }: DenyEntries): string | undefined =>
  licenses.find(license => !isUuid(license)) ?? cards.find(card => !/^\d{16,19}$/.test(card))

import { decreeWords } from '#account/decrees'
import { type DenyEntries, nextVersion, type Rulemaking, type RulemakingCommand, rulemaking } from '#account/rulemaking'
import { base64url, fromBase64url, hex } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { trustEvent, upcast } from '#canonical/event'
import { isUuid } from '#canonical/ids'
import { run } from '#cqrs/run'
import { readStream } from '#eventstore'
import { NewerThanKnown } from '#evidence/held'
import { kidOf } from '#license/keyset'
import { type Policy, readDenyList, readPolicy } from '#license/rules'
import type { Currency } from '#money'
import { denyListDocument, firstPolicy, keySetOf, policyDocument } from './authority.ts'
import { decrees } from './decrees.ts'
import { iso, type Office } from './office.ts'

/** The rules that the authority decreed, as signed documents; signed anew before a terminal would find them too old. */

const rulesFreshFor_s = 12 * 3600
const attemptsMax = 8

export type Rulebook = Awaited<ReturnType<typeof rulebook>>

/** What was decreed of the deny list: its version, and what changed; nothing where all was so already. */
export type DenyListVersion = {
  readonly version: number
  readonly licenses: number
  readonly cards: number
  readonly added: DenyEntries
  readonly removed: DenyEntries
}

const noEntries: DenyEntries = { licenses: [], cards: [] }

export const rulebook = async ({ store, crypto, keys, runner, now_s, actOf }: Office) => {
  const { keySet: keys1, document: keySet } = keySetOf(crypto, keys)

  const introduced = await run(
    runner,
    decrees(held => {
      const known = new Set(held.map(({ data }) => ('kid' in data ? data.kid : '')))
      return (['root', 'license', 'certificate', 'rules', 'log'] as const).flatMap(purpose => {
        const { curve, publicKey } = keys[purpose]
        const kid = hex(kidOf(crypto, publicKey))
        const notBefore = iso(keys.made_s * 1000)
        const expires = iso((keys.made_s + 5 * 365 * 86_400) * 1000)
        const data = { kid, purpose, curve, publicKey: base64url(publicKey), notBefore, expires }
        return known.has(kid) ? [] : [{ type: 'KeyIntroduced' as const, data }]
      })
    }),
    decreeWords,
    'authority',
    undefined,
    actOf('centre'),
  )
  if (isRefusal(introduced)) throw new Error(introduced.message)

  let state: Rulemaking = rulemaking.initialState
  let next = 0
  /** What was decreed, on whatever node of this log: read from where it was read last. */
  const decreed = async (): Promise<Rulemaking> => {
    for (const { text, revision } of await readStream(store, 'rules', next)) {
      // Two may be reading at once.
      if (revision < next) continue
      const event = trustEvent(text)
      const known = upcast(event, decreeWords)
      if (
        known?.type !== 'PolicyPublished' &&
        known?.type !== 'DenyListChanged' &&
        known?.type !== 'FareTablePublished'
      )
        throw new NewerThanKnown(event)
      state = rulemaking.evolve(state, known)
      next = revision + 1
    }
    return state
  }

  const isFresh = (issued: number): boolean => now_s() - issued < rulesFreshFor_s

  /** Signs for the version that comes next and publishes; where another was faster, once more. */
  const publish = async (
    make: (state: Rulemaking) => RulemakingCommand | Refusal | undefined,
    by: string,
  ): Promise<Rulemaking | Refusal> => {
    for (let attempt = 1; ; attempt++) {
      const made = make(await decreed())
      if (made === undefined) return state
      if ('message' in made) return made
      const ran = await run(runner, rulemaking, decreeWords, 'rules', made, actOf(by))
      if (!isRefusal(ran)) return decreed()
      if (attempt === attemptsMax) return ran
    }
  }

  const signed = (document: Uint8Array) => ({ hash: hex(crypto.sha256(document)), document: base64url(document) })

  const policyIn = (state: Rulemaking, currency: Currency) => {
    const held = state.policies.find(policy => policy.currency === currency)
    return held && readPolicy(fromBase64url(held.document))
  }
  const publishing = (state: Rulemaking, policy: Policy, reason?: string): RulemakingCommand => {
    const version = nextVersion(state, 'policy')
    const document = policyDocument(crypto, keys, { ...policy, version, issued: now_s() })
    return { type: 'PublishPolicy', version, currency: policy.currency, ...signed(document), reason }
  }

  /** The deny list after a change; undefined where it changes nothing and is fresh. */
  const denying = (
    state: Rulemaking,
    add: DenyEntries,
    remove: DenyEntries,
    reason?: string,
  ): RulemakingCommand | undefined => {
    const { denyList: held } = state
    const absent = (kind: 'licenses' | 'cards') => [...new Set(add[kind])].filter(entry => !held?.[kind].has(entry))
    const present = (kind: 'licenses' | 'cards') => [...new Set(remove[kind])].filter(entry => held?.[kind].has(entry))
    const added = { licenses: absent('licenses'), cards: absent('cards') }
    const removed = { licenses: present('licenses'), cards: present('cards') }
    const isChange = [added, removed].some(({ licenses, cards }) => licenses.length + cards.length > 0)
    if (!isChange && held && isFresh(readDenyList(fromBase64url(held.document)).issued)) return undefined
    const after = (kind: 'licenses' | 'cards') =>
      [...(held?.[kind] ?? []), ...added[kind]].filter(entry => !removed[kind].includes(entry)).sort(shortestFirst)
    const version = nextVersion(state, 'denyList')
    const list = { version, issued: now_s(), licenses: after('licenses'), cards: after('cards') }
    return { type: 'ChangeDenyList', version, added, removed, ...signed(denyListDocument(crypto, keys, list)), reason }
  }

  /** Both rules of a currency, signed anew where they grew old. */
  const current = async (currency: Currency): Promise<Rulemaking> => {
    const orThrow = (answer: Rulemaking | Refusal): Rulemaking => {
      if ('message' in answer) throw new Error(answer.message)
      return answer
    }
    const makePolicy = (state: Rulemaking) => {
      const held = policyIn(state, currency)
      if (held && isFresh(held.issued)) return undefined
      return publishing(state, held ?? firstPolicy(1, now_s(), currency))
    }
    orThrow(await publish(makePolicy, 'centre'))
    return orThrow(await publish(state => denying(state, noEntries, noEntries), 'centre'))
  }

  /** The newest signed rules for a terminal whose merchant sells in this currency. */
  const rules = async (currency: Currency) => {
    const { policies, denyList } = await current(currency)
    const policy = policies.find(policy => policy.currency === currency)
    if (!policy || !denyList) throw new Error(`No rules for ${currency} came about`)
    return { policy: policy.document, denyList: denyList.document, keySet: base64url(keySet) }
  }
  await rules('EUR')

  const versions = async (currency: Currency) => {
    const { policies, denyList } = await current(currency)
    const policy = policies.find(policy => policy.currency === currency)
    return { policy: policy?.version ?? 0, denyList: denyList?.version ?? 0, keySet: keys1.version }
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
    const before = (await decreed()).denyList
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
    versions,
    keySet: base64url(keySet),
    /**
     * Puts licenses and cards on the deny list, at once; terminals have it with their next sync. What is on it already
     * stays, and is no new version. `licenses` are license ids, `cards` card numbers.
     */
    deny: (entries: Partial<DenyEntries>, by: string, reason?: string) =>
      changeDenyList({ ...noEntries, ...entries }, noEntries, by, reason),
    /** Takes licenses and cards off the deny list; what is not on it changes nothing. */
    undeny: (entries: Partial<DenyEntries>, by: string, reason?: string) =>
      changeDenyList(noEntries, { ...noEntries, ...entries }, by, reason),
  }
}

/** As their encodings compare: entries of one length by their text. */
const shortestFirst = (one: string, other: string): number =>
  one.length - other.length || (one < other ? -1 : one > other ? 1 : 0)

const misshapen = ({ licenses, cards }: DenyEntries): string | undefined =>
  licenses.find(license => !isUuid(license)) ?? cards.find(card => !/^\d{16,19}$/.test(card))

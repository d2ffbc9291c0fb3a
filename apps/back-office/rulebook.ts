import { type DecreeEvent, decreeWords } from '#account/decrees'
import { base64url, fromBase64url, hex } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import type { Event } from '#canonical/event'
import { run } from '#cqrs/run'
import { readKnown } from '#evidence/held'
import { kidOf } from '#license/keyset'
import { readDenyList, readPolicy } from '#license/rules'
import { denyListDocument, firstPolicy, keySetOf, policyDocument } from './authority.ts'
import { decrees } from './decrees.ts'
import { iso, type Office } from './office.ts'

/** The authority's keys, policy and deny list, as it decreed them; signed anew before a terminal would find them too old. */

const rulesFreshFor_s = 12 * 3600

export type Rulebook = Awaited<ReturnType<typeof rulebook>>

export const rulebook = async ({ store, crypto, keys, runner, now_s, actOf }: Office) => {
  const { document: keySet } = keySetOf(crypto, keys)

  const decree = async (
    facts: (stream: readonly DecreeEvent[]) => readonly DecreeEvent[],
    stream: string,
  ): Promise<void> => {
    const answer = await run(runner, decrees(facts), decreeWords, stream, undefined, actOf('centre'))
    if (isRefusal(answer)) throw new Error(answer.message)
  }

  await decree(held => {
    const known = new Set(held.map(({ data }) => ('kid' in data ? data.kid : '')))
    return (['root', 'license', 'certificate', 'rules', 'log'] as const).flatMap(purpose => {
      const { curve, publicKey } = keys[purpose]
      const kid = hex(kidOf(crypto, publicKey))
      const from = iso(keys.made_s * 1000)
      const until = iso((keys.made_s + 5 * 365 * 86_400) * 1000)
      const data = { kid, purpose, curve, publicKey: base64url(publicKey), notBefore: from, expires: until }
      return known.has(kid) ? [] : [{ type: 'KeyIntroduced' as const, data }]
    })
  }, 'authority')

  type Documents = { readonly policy: string; readonly denyList: string; readonly keySet: string }
  let documents: Documents | undefined

  /** The newest signed rules, signed anew when they have grown old. */
  const rules = async (): Promise<Documents> => {
    const fresh = (issued: number) => now_s() - issued < rulesFreshFor_s
    if (documents) {
      const { policy, denyList } = documents
      if (fresh(readPolicy(fromBase64url(policy)).issued) && fresh(readDenyList(fromBase64url(denyList)).issued))
        return documents
    }
    await decree(held => {
      const entry = (version: number, document: Uint8Array) => ({
        version,
        hash: hex(crypto.sha256(document)),
        document: base64url(document),
      })
      const lastOf = <Type extends DecreeEvent['type']>(type: Type) =>
        held.findLast((event): event is Extract<DecreeEvent, { type: Type }> => event.type === type)
      const policy = lastOf('PolicyPublished')?.data
      const list = lastOf('DenyListChanged')?.data
      const facts: DecreeEvent[] = []
      const oldPolicy = policy && readPolicy(fromBase64url(policy.document))
      if (!oldPolicy || !fresh(oldPolicy.issued)) {
        const version = (policy?.version ?? 0) + 1
        const next = oldPolicy ? { ...oldPolicy, version, issued: now_s() } : firstPolicy(version, now_s())
        facts.push({ type: 'PolicyPublished', data: entry(version, policyDocument(crypto, keys, next)) })
      }
      const oldList = list && readDenyList(fromBase64url(list.document))
      if (!oldList || !fresh(oldList.issued)) {
        const version = (list?.version ?? 0) + 1
        const next = { licenses: [], cards: [], ...oldList, version, issued: now_s() }
        const none = { licenses: [], cards: [] }
        facts.push({
          type: 'DenyListChanged',
          data: { ...entry(version, denyListDocument(crypto, keys, next)), added: none, removed: none },
        })
      }
      return facts
    }, 'rules')
    const { events: held } = await readKnown(store, 'rules', decreeWords)
    const last = (type: DecreeEvent['type']) =>
      (held.findLast(event => event.type === type) as Event<{ readonly document: string }>).data.document
    documents = { policy: last('PolicyPublished'), denyList: last('DenyListChanged'), keySet: base64url(keySet) }
    return documents
  }
  await rules()

  const versions = async () => {
    const { policy, denyList } = await rules()
    return {
      policy: readPolicy(fromBase64url(policy)).version,
      denyList: readDenyList(fromBase64url(denyList)).version,
      keySet: 1,
    }
  }

  return { rules, versions, keySet: base64url(keySet) }
}

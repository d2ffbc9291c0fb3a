import { base64url, equal, fromBase64url, hex } from '#canonical/bytes'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { Malformed } from '#canonical/malformed'
import { applyDelta } from '#license/delta'
import { type FareTable, verifyFareTable } from '#license/fares'
import { type KeySet, verifyKeySet } from '#license/keyset'
import { type DenyList, type Policy, verifyDenyList, verifyPolicy } from '#license/rules'

/** The rules in force, read; undefined where the terminal has none that hold. Missing rules fail a check. */
export type Rules = {
  readonly keySet: KeySet | undefined
  readonly denyList: DenyList | undefined
  readonly policy: Policy | undefined
  /** Of a merchant that carries people. */
  readonly fareTable?: FareTable | undefined
}

/** The signed documents a terminal works under, as the centre sends them: base64url of the signed octets. */
export type RuleDocuments = {
  readonly policy: string
  readonly denyList: string
  readonly keySet: string
  readonly fareTable?: string | undefined
}
export const ruleKinds = ['policy', 'denyList', 'keySet', 'fareTable'] as const
type RuleKind = (typeof ruleKinds)[number]

/** What the centre answers to a terminal that says what it has: a document where it is another, whole or as a delta. */
export type OfferedRules = { readonly [Kind in RuleKind]?: string | undefined } & {
  readonly deltas?: { readonly [Kind in RuleKind]?: string | undefined } | undefined
}

type Document = { readonly version: number; readonly hash: string; readonly document: string }
/** As the terminal records them, each with its version and hash. */
export type AdoptedRules = {
  readonly policy: Document
  readonly denyList: Document
  readonly keySet: Document
  readonly fareTable?: Document | undefined
}

/** What a terminal has, by the hashes of its documents: a version alone does not say which document it is. */
export const haveOf = (held: AdoptedRules | undefined): string =>
  ruleKinds.flatMap(kind => (held?.[kind] ? [`${kind}:${held[kind].hash}`] : [])).join(',')

/**
 * The documents that an answer comes to for a terminal that holds these: whole ones as they came, others by their
 * deltas, and the rest as they are. Undefined where a delta does not fit or something is missing: the whole documents
 * are then asked for. Nothing is verified here.
 */
export const documentsOf = (
  crypto: Crypto,
  held: AdoptedRules | undefined,
  { deltas = {}, ...whole }: OfferedRules,
): RuleDocuments | undefined => {
  try {
    const of = (kind: RuleKind): string | undefined => {
      const before = held?.[kind]?.document
      const delta = deltas[kind]
      if (whole[kind] !== undefined) return whole[kind]
      if (delta === undefined) return before
      const made = before === undefined ? null : applyDelta(crypto, fromBase64url(before), fromBase64url(delta))
      return made ? base64url(made) : undefined
    }
    const [policy, denyList, keySet, fareTable] = ruleKinds.map(of)
    if (policy === undefined || denyList === undefined || keySet === undefined) return undefined
    if (fareTable === undefined && deltas.fareTable !== undefined) return undefined
    return { policy, denyList, keySet, ...(fareTable === undefined ? {} : { fareTable }) }
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) return undefined
    throw error
  }
}

const refuse = (kind: string, why: string): Refusal => ({
  reason: 'RulesInvalid',
  message: `The ${kind} that was offered ${why}. This terminal keeps the rules it has; look at what answers in the centre's place.`,
  kind,
})

type Read = {
  readonly keySet: KeySet
  readonly denyList: DenyList
  readonly policy: Policy
  readonly fareTable?: FareTable
}

/** Every signature is verified before anything is adopted: the key set by the root, the others by a rules key in it. */
const readDocuments = (crypto: Crypto, root: Uint8Array, documents: RuleDocuments): Read | Refusal => {
  try {
    const keySet = verifyKeySet(crypto, fromBase64url(documents.keySet), root)
    if (!keySet) return refuse('key set', 'is not signed by the root key that this terminal was enrolled with')
    const policy = verifyPolicy(crypto, fromBase64url(documents.policy), keySet)
    if (!policy) return refuse('policy', 'is not signed by a rules key of the key set')
    const denyList = verifyDenyList(crypto, fromBase64url(documents.denyList), keySet)
    if (!denyList) return refuse('deny list', 'is not signed by a rules key of the key set')
    if (documents.fareTable === undefined) return { keySet, policy, denyList }
    const fareTable = verifyFareTable(crypto, fromBase64url(documents.fareTable), keySet)
    if (!fareTable) return refuse('fare table', 'is not signed by a rules key of the key set')
    return { keySet, policy, denyList, fareTable }
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError)
      return refuse('document', `cannot be read (${error.message})`)
    throw error
  }
}

/** What the till records when it adopts these documents, or why it must not. */
export const adoptable = (crypto: Crypto, root: Uint8Array, documents: RuleDocuments): AdoptedRules | Refusal => {
  const read = readDocuments(crypto, root, documents)
  if (isRefusal(read)) return read
  const entry = (version: number, document: string) => ({
    version,
    hash: hex(crypto.sha256(fromBase64url(document))),
    document,
  })
  return {
    policy: entry(read.policy.version, documents.policy),
    denyList: entry(read.denyList.version, documents.denyList),
    keySet: entry(read.keySet.version, documents.keySet),
    ...(read.fareTable && documents.fareTable !== undefined
      ? { fareTable: entry(read.fareTable.version, documents.fareTable) }
      : {}),
  }
}

/**
 * The rules as the log has them. They were verified when adopted, and are verified again: a disk can be edited. A
 * terminal's log names them once for thousands of taps, so what one entry of it came to is remembered with the entry.
 */
export const rulesFrom = (crypto: Crypto, root: Uint8Array, adopted: AdoptedRules): Rules => {
  const before = readBefore.get(adopted)
  if (before && equal(before.root, root)) return before.rules
  const { policy, denyList, keySet, fareTable } = adopted
  const read = readDocuments(crypto, root, {
    policy: policy.document,
    denyList: denyList.document,
    keySet: keySet.document,
    ...(fareTable ? { fareTable: fareTable.document } : {}),
  })
  const rules = isRefusal(read) ? noRules : read
  readBefore.set(adopted, { root: Uint8Array.from(root), rules })
  return rules
}

const noRules: Rules = { keySet: undefined, denyList: undefined, policy: undefined }
const readBefore = new WeakMap<AdoptedRules, { readonly root: Uint8Array; readonly rules: Rules }>()

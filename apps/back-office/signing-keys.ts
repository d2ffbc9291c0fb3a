import { decreeWords } from '#account/decrees'
import { isPublished, type KeyPurpose, type Keyring, keyring, sayingOf, signingKey } from '#account/keyring'
import { type Bytes, base64url, fromBase64url, fromHex, hex } from '#canonical/bytes'
import type { Crypto, KeyPair } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { Malformed } from '#canonical/malformed'
import { isHere, type PublicKey, pairSigner, type Signer, signedBy } from '#canonical/signer'
import { run } from '#cqrs/run'
import { type KeySet, kidOf, readKeySet, signKeySet, verifyKeySet } from '#license/keyset'
import { keysLast_s, type OutsideKey, pairOf } from './authority.ts'
import { decreed, signedDocuments } from './decreed.ts'
import { iso, type Office } from './office.ts'

/**
 * The authority's keys at work: which one signs follows from the stream `authority`, never from a field of a file. The
 * root signs what was decided of them; where it lies elsewhere, what it has to sign is prepared here and brought back.
 */

export type SigningKeys = Awaited<ReturnType<typeof signingKeys>>

/** Nothing was signed. The message says for which purpose a key is to be introduced, or handed to this node. */
export class NothingSigns extends Error {
  readonly code = 'NothingSigns'
}

const purposes = ['root', 'license', 'certificate', 'rules', 'log'] as const
const words = new Set(['KeyIntroduced', 'KeyRetired', 'KeyCompromised', 'KeySetPublished', 'TacMasterIntroduced'])
const attemptsMax = 8

/**
 * How long a key is known before it signs, in seconds. Terminals stop selling when they were not heard of for three
 * days, so that each that sells has learned it by then; phones learn of keys when they meet the authority. Rules come
 * with the key set, and need no lead.
 */
const lead_s: Readonly<Record<KeyPurpose, number>> = {
  root: 0,
  license: 72 * 3600,
  certificate: 30 * 86_400,
  rules: 0,
  log: 72 * 3600,
}

export const signingKeys = async (office: Office, outside: readonly OutsideKey[] = []) => {
  const { crypto, keys, keeper, runner, now, now_s, actOf } = office
  const documents = signedDocuments()
  const state = decreed(office, 'authority', keyring, type => words.has(type), documents)
  let held = await state()
  const refresh = async (): Promise<Keyring> => (held = await state())

  const order = async (command: Parameters<typeof keyring.decide>[0], by: string): Promise<Refusal | undefined> => {
    const ran = await run(runner, keyring, decreeWords, 'authority', command, actOf(by))
    await refresh()
    return isRefusal(ran) ? ran : undefined
  }
  const orThrow = (refused: Refusal | undefined): void => {
    if (refused) throw new Error(refused.message)
  }

  /** Who signs by the key of this id, here or elsewhere; undefined where nobody does whom this node knows. */
  const signerOf = (kid: string): Signer | undefined => {
    const pair = pairOf(crypto, keeper.read(), kid)
    if (pair && isHere(pair)) return pairSigner(crypto, pair)
    return outside.find(({ publicKey }) => hex(kidOf(crypto, publicKey)) === kid)?.signer
  }

  const introducing = (purpose: KeyPurpose, { curve, publicKey }: PublicKey, notBefore_s: number) => ({
    type: 'IntroduceKey' as const,
    at: now(),
    kid: hex(kidOf(crypto, publicKey)),
    purpose,
    curve,
    publicKey: base64url(publicKey),
    notBefore: iso(notBefore_s * 1000),
    expires: iso((notBefore_s + keysLast_s) * 1000),
  })

  /* ------------------------------------------------------- the key set */

  const setOf = ({ keys }: Keyring, version: number, issued: number): KeySet => ({
    version,
    issued,
    // In the order of their encodings, which begin with the id: a delta then names those that changed.
    keys: keys
      .toSorted((one, other) => (one.kid < other.kid ? -1 : 1))
      .flatMap(({ kid, purpose, curve, publicKey, notBefore, expires, status }) =>
        purpose === 'root'
          ? []
          : {
              kid: fromHex(kid),
              purpose,
              curve,
              publicKey: fromBase64url(publicKey),
              notBefore: Math.floor(Date.parse(notBefore) / 1000),
              expires: Math.floor(Date.parse(expires) / 1000),
              status,
            },
      ),
  })
  const isNew = held.keys.length === 0
  /** Key set 1 of versions before 0.3.0 is in no log: after it comes 2. */
  const nextSet = ({ keySet }: Keyring): number => (keySet ? keySet.version + 1 : isNew ? 1 : 2)

  const publishing = (document: Uint8Array, reason?: string) => {
    const set = readKeySet(document)
    const says = sayingOf(set.keys.map(({ kid, purpose, status }) => ({ kid: hex(kid), purpose, status })))
    const { version } = set
    const signed = { version, hash: hex(crypto.sha256(document)), document: base64url(document) }
    return { type: 'PublishKeySet' as const, says, ...signed, ...(reason === undefined ? {} : { reason }) }
  }

  /** Signs and publishes what was decided of the keys, where the root lies here. */
  const publish = async (by: string, reason?: string): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      const known = await refresh()
      const { root } = keeper.read()
      const signer = signerOf(hex(kidOf(crypto, root.publicKey)))
      if (isPublished(known) || !signer) return
      const set = setOf(known, nextSet(known), now_s())
      const document = await signedBy(crypto, signer, root, (crypto, key) => signKeySet(crypto, set, key))
      const refused = await order(publishing(document, reason), by)
      if (!refused) return
      if (attempt === attemptsMax) throw new Error(refused.message)
    }
  }

  // The first keys, and of an older version those that it knew.
  for (const purpose of purposes)
    if (!held.keys.some(key => key.purpose === purpose))
      orThrow(await order(introducing(purpose, keeper.read()[purpose], keys.made_s), 'centre'))
  if (held.tacMasters.length === 0)
    orThrow(await order({ type: 'IntroduceTacMaster', id: keys.tacMaster.id }, 'centre'))
  await publish('centre')

  type Published = { readonly version: number; readonly hash: string; readonly document: string }
  const keySetHeld = (): Published => {
    if (held.keySet) return held.keySet
    throw new NothingSigns('No key set was published yet: the root has to sign the first one.')
  }
  const keySet = async (): Promise<Published> => {
    await refresh()
    return keySetHeld()
  }

  /* -------------------------------------------------------------- signs */

  /** The key that signs now for this purpose, as the log was when it was looked at last. */
  const signsNow = (purpose: KeyPurpose): { readonly key: PublicKey; readonly signer: Signer } => {
    const key = signingKey(held, purpose, now())
    if (!key)
      throw new NothingSigns(`No ${purpose} key signs now: introduce one, and have the root sign the key set with it.`)
    const signer = signerOf(key.kid)
    if (signer) return { key: { curve: key.curve, publicKey: fromBase64url(key.publicKey) }, signer }
    throw new NothingSigns(
      `The ${purpose} key ${key.kid} lies not with this node's keys, nor with a signer that it was given: hand it the keys of the node that made it, or name that signer by --signer.`,
    )
  }
  const masterNow = (): { readonly id: string; readonly key: Bytes } => {
    const id = held.tacMasters.at(-1)
    const { tacMaster, later } = keeper.read()
    const master = [tacMaster, ...later.tacMasters].find(each => each.id === id)
    if (master) return master
    throw new NothingSigns(
      `The TAC master key ${id} lies not with this node's keys: hand it the keys of the node that made it.`,
    )
  }
  /** What licenses and cards are derived from, as it is now. */
  const live: Office['keys'] = {
    origin: keys.origin,
    mode: keys.mode,
    made_s: keys.made_s,
    root: keys.root,
    saltKey: keys.saltKey,
    get tacMaster() {
      return masterNow()
    },
    get later() {
      const { tacMaster, later } = keeper.read()
      return { ...later, tacMasters: [tacMaster, ...later.tacMasters] }
    },
  }

  /** Signs by the key that signs now for this purpose, wherever it lies; `make` as `signedBy` takes it. */
  const sign = async <Signed>(purpose: KeyPurpose, make: (crypto: Crypto, key: KeyPair) => Signed): Promise<Signed> => {
    await refresh()
    const { key, signer } = signsNow(purpose)
    return signedBy(crypto, signer, key, make)
  }

  /** Does what this key signed hold? */
  const isTrusted = (kid: string): boolean => held.keys.some(key => key.kid === kid && key.status !== 'compromised')

  /* ------------------------------------------------------------ commands */

  /** Made here; or, where a signer holds the keys of this purpose, the one there that was not introduced yet. */
  const newKey = (purpose: KeyPurpose): PublicKey | Refusal => {
    const elsewhere = outside.filter(key => key.purpose === purpose)
    if (elsewhere.length > 0)
      return (
        elsewhere.findLast(({ publicKey }) => !held.keys.some(key => key.publicKey === base64url(publicKey))) ?? {
          reason: 'SignerHasNoNewKey',
          message: `Every ${purpose} key that the signer was named for is introduced already: make another there, add its name to the file of --signer, and start this centre anew.`,
          purpose,
        }
      )
    const pair = crypto.keyPair(purpose === 'log' ? 'Ed25519' : 'P-256')
    // On disk before anybody hears of it.
    keeper.add({ keys: [pair] })
    return pair
  }

  const introduce = async (purpose: KeyPurpose, notBefore_s: number, reason: string, by: string) => {
    const key = newKey(purpose)
    if (isRefusal(key)) return key
    const command = { ...introducing(purpose, key, notBefore_s), reason }
    const refused = await order(command, by)
    return refused ?? command.kid
  }

  const answer = async (kid: string) => {
    const known = await refresh()
    return { kid, keySet: known.keySet?.version ?? 0, waitsForRoot: !isPublished(known) }
  }

  return {
    live,
    keySet,
    keySetHeld,
    documents,
    sign,
    isTrusted,
    refresh,
    /** Log keys as they were known when they were looked at last: verifying asks nobody. */
    logKeys: () =>
      held.keys
        .filter(({ purpose }) => purpose === 'log')
        .map(({ publicKey, status }) => ({
          publicKey: fromBase64url(publicKey),
          isCompromised: status === 'compromised',
        })),
    /** A new key, which signs from a later time on, so that whoever verifies has learned of it by then. */
    rotateKey: async (asked: {
      readonly purpose: Exclude<KeyPurpose, 'root'>
      readonly notBefore?: string | undefined
      readonly reason: string
      readonly by: string
    }) => {
      const { purpose, notBefore, reason, by } = asked
      const from_s = notBefore === undefined ? now_s() + lead_s[purpose] : Math.floor(Date.parse(notBefore) / 1000)
      const introduced = await introduce(purpose, Math.max(from_s, now_s()), reason, by)
      if (typeof introduced !== 'string') return introduced
      await publish(by, reason)
      return answer(introduced)
    },
    retireKey: async ({ kid, reason, by }: KeyOrder) => {
      const refused = await order({ type: 'RetireKey', kid, at: now(), reason }, by)
      if (refused) return refused
      await publish(by, reason)
      return answer(kid)
    },
    /** What the key signed holds no more. If nothing else signs for its purpose, a new key does at once. */
    compromiseKey: async ({ kid, reason, by }: KeyOrder) => {
      const known = await refresh()
      const key = known.keys.find(each => each.kid === kid)
      const others = { ...known, keys: known.keys.filter(each => each.kid !== kid) }
      if (key && key.purpose !== 'root' && key.status !== 'compromised' && !signingKey(others, key.purpose, now())) {
        const introduced = await introduce(key.purpose, now_s(), `follows ${kid}: ${reason}`.slice(0, 500), by)
        // A stolen key is named whether or not its signer has another: until it has, nothing is signed for this.
        if (typeof introduced !== 'string' && introduced.reason !== 'SignerHasNoNewKey') return introduced
      }
      const refused = await order({ type: 'CompromiseKey', kid, reason }, by)
      if (refused) return refused
      await publish(by, reason)
      return answer(kid)
    },
    /** A new master key for TACs: licenses issued from now on name it, and older ones are checked by theirs. */
    introduceTacMaster: async ({ reason, by }: { readonly reason: string; readonly by: string }) => {
      const id = hex(crypto.random(4))
      keeper.add({ tacMasters: [{ id, key: crypto.random(32) }] })
      return (await order({ type: 'IntroduceTacMaster', id, reason }, by)) ?? { id }
    },
    /** What the root has to sign, where it lies elsewhere; undefined where it has signed all. Ids and keys as hexadecimal. */
    unsignedKeySetText: async () => {
      const known = await refresh()
      if (isPublished(known)) return undefined
      const set = setOf(known, nextSet(known), now_s())
      return { ...set, keys: set.keys.map(key => ({ ...key, kid: hex(key.kid), publicKey: hex(key.publicKey) })) }
    },
    /** Publishes a key set that the root signed elsewhere. */
    bringKeySet: async ({ document, by }: { readonly document: string; readonly by: string }) => {
      const known = await refresh()
      const wrong = (why: string): Refusal => ({
        reason: 'KeySetInvalid',
        message: `This key set ${why}: prepare it here, have the root sign that one, and bring it again.`,
      })
      try {
        const octets = fromBase64url(document)
        const set = verifyKeySet(crypto, octets, keys.root.publicKey)
        if (!set) return wrong('is not signed by the root')
        // What is published must be what was decided here, to the last date, and not what somebody had signed.
        if (text(set) !== text(setOf(known, set.version, set.issued)))
          return wrong('does not say what was decided here')
        const refused = await order(publishing(octets), by)
        if (refused) return refused
        return { version: set.version }
      } catch (error) {
        if (error instanceof Malformed || error instanceof SyntaxError)
          return wrong(`cannot be read (${error.message})`)
        throw error
      }
    },
    /** For the screen: every key, and which of them sign. */
    look: async () => {
      const known = await refresh()
      const signs = new Set(purposes.map(purpose => signingKey(known, purpose, now())?.kid))
      return {
        keys: known.keys.map(({ publicKey: _, curve: __, ...key }) => ({
          ...key,
          signs: signs.has(key.kid),
          isHere: signerOf(key.kid) !== undefined,
        })),
        keySet: known.keySet ? { version: known.keySet.version, hash: known.keySet.hash } : undefined,
        waitsForRoot: !isPublished(known),
        tacMasters: known.tacMasters,
      }
    },
  }
}

type KeyOrder = { readonly kid: string; readonly reason: string; readonly by: string }

const text = (set: KeySet): string =>
  JSON.stringify(set.keys.map(key => ({ ...key, kid: hex(key.kid), publicKey: hex(key.publicKey) })))

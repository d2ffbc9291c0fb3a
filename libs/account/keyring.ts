import type { Decider, Refusal } from '#canonical/decider'
import type { DecreeEvent } from './decrees.ts'

/**
 * `authority`: the keys, one purpose each. A key is introduced before it signs, so that whoever verifies has learned of
 * it by then; signs; is retired, and what it signed still holds; or is named as compromised, and what it signed holds
 * no more. The root signs what is said of them here, as a key set whose version only grows.
 */

/* ------------------------------------------------------------------ words */

export type KeyringEvent = Extract<
  DecreeEvent,
  { type: 'KeyIntroduced' | 'KeyRetired' | 'KeyCompromised' | 'KeySetPublished' | 'TacMasterIntroduced' }
>
type Introduced = Extract<KeyringEvent, { type: 'KeyIntroduced' }>['data']
export type KeyPurpose = Introduced['purpose']
type Document = Extract<KeyringEvent, { type: 'KeySetPublished' }>['data']

export type KeyringCommand =
  | ({ readonly type: 'IntroduceKey'; readonly at: string } & Introduced)
  | { readonly type: 'RetireKey'; readonly kid: string; readonly at: string; readonly reason: string }
  | { readonly type: 'CompromiseKey'; readonly kid: string; readonly reason: string }
  /** `says` is what the document says of its keys, as `sayingOf` puts it. */
  | ({ readonly type: 'PublishKeySet'; readonly says: string } & Document)
  | { readonly type: 'IntroduceTacMaster'; readonly id: string; readonly reason?: string | undefined }

export type KeyringRefusal = Refusal & {
  readonly reason:
    | 'KeyCurveWrong'
    | 'KeyExists'
    | 'KeyIsCompromised'
    | 'KeyIsLast'
    | 'KeyNeverValid'
    | 'KeySetMoved'
    | 'KeyUnknown'
    | 'RootStays'
    | 'VersionTaken'
}

/* ------------------------------------------------------------------ state */

export type KnownKey = Introduced & { readonly status: 'active' | 'retired' | 'compromised' }
export type Keyring = {
  /** In the order in which they were introduced. */
  readonly keys: readonly KnownKey[]
  /** Ids of the master keys that TACs are derived from; licenses name the last. */
  readonly tacMasters: readonly string[]
  readonly keySet: (Document & { readonly says: string }) | undefined
}

const nothing: Keyring = { keys: [], tacMasters: [], keySet: undefined }

/** What a key set says of each key, as text: who signs it and who checks it compare this. */
export const sayingOf = (keys: readonly Pick<KnownKey, 'kid' | 'purpose' | 'status'>[]): string =>
  keys
    .filter(({ purpose }) => purpose !== 'root')
    .map(({ kid, purpose, status }) => `${kid} ${purpose} ${status}`)
    .toSorted()
    .join('\n')

/** Does the published key set say what was decided of the keys? If not, the root has to sign one. */
export const isPublished = ({ keys, keySet }: Keyring): boolean => keySet?.says === sayingOf(keys)

/**
 * The key that signs at this time: active, published, and begun last. Undefined where none is: nothing is then signed
 * for this purpose.
 */
export const signingKey = ({ keys, keySet }: Keyring, purpose: KeyPurpose, at: string): KnownKey | undefined =>
  keys
    .filter(
      key =>
        key.purpose === purpose &&
        key.status === 'active' &&
        key.notBefore <= at &&
        at < key.expires &&
        (purpose === 'root' || keySet?.says.includes(`${key.kid} ${purpose} active`)),
    )
    .toSorted((one, other) => (one.notBefore < other.notBefore ? -1 : one.notBefore > other.notBefore ? 1 : 0))
    .at(-1)

/* ----------------------------------------------------------------- decide */

const decide = (command: KeyringCommand, state: Keyring): readonly KeyringEvent[] | KeyringRefusal => {
  switch (command.type) {
    case 'IntroduceKey':
      return introduce(command, state)

    case 'RetireKey': {
      const { kid, reason } = command
      const key = known(state, kid)
      if (isRefused(key)) return key
      if (key.status === 'retired') return []
      if (key.status === 'compromised')
        return {
          reason: 'KeyIsCompromised',
          message: `Key ${kid} is compromised, which says more than retired: it stays so.`,
          kid,
        }
      const others = { ...state, keys: state.keys.filter(other => other.kid !== kid) }
      if (!signingKey(others, key.purpose, command.at))
        return {
          reason: 'KeyIsLast',
          message: `Key ${kid} is the only ${key.purpose} key that signs now: introduce another, and retire this one when that one signs.`,
          kid,
          purpose: key.purpose,
        }
      return [{ type: 'KeyRetired', data: { kid, reason } }]
    }

    case 'CompromiseKey': {
      const { kid, reason } = command
      const key = known(state, kid)
      if (isRefused(key)) return key
      return key.status === 'compromised' ? [] : [{ type: 'KeyCompromised', data: { kid, reason } }]
    }

    case 'PublishKeySet': {
      const { type: _, says, ...document } = command
      if (state.keySet?.hash === document.hash) return []
      // Version 1 of before 0.3.0 was in no log: the first that is may be 1 or 2, and later ones count on.
      const next = state.keySet ? state.keySet.version + 1 : document.version === 1 ? 1 : 2
      if (document.version !== next)
        return {
          reason: 'VersionTaken',
          message: `The next key set is version ${next}, not ${document.version}: prepare it anew, and have the root sign that one.`,
          version: document.version,
          next,
        }
      if (says !== sayingOf(state.keys))
        return {
          reason: 'KeySetMoved',
          message:
            'This key set does not say what was decided of the keys by now: prepare it anew, and have the root sign that one.',
        }
      return [{ type: 'KeySetPublished', data: document }]
    }

    case 'IntroduceTacMaster': {
      const { id, reason } = command
      if (state.tacMasters.includes(id)) return []
      return [{ type: 'TacMasterIntroduced', data: { id, ...(reason === undefined ? {} : { reason }) } }]
    }
  }
}

const introduce = (
  { type: _, at, ...key }: Extract<KeyringCommand, { type: 'IntroduceKey' }>,
  { keys }: Keyring,
): readonly KeyringEvent[] | KeyringRefusal => {
  const { kid, purpose, curve, publicKey, notBefore, expires } = key
  const held = keys.find(other => other.kid === kid)
  if (held)
    return held.purpose === purpose && held.publicKey === publicKey && held.status === 'active'
      ? []
      : {
          reason: 'KeyExists',
          message: `Key ${kid} is known as a ${held.status} ${held.purpose} key: a key has one purpose and one life, so make a new one.`,
          kid,
          purpose: held.purpose,
          status: held.status,
        }
  const root = purpose === 'root' && keys.find(other => other.purpose === 'root')
  if (root) return rootStays(root.kid)
  if (curve !== (purpose === 'log' ? 'Ed25519' : 'P-256'))
    return {
      reason: 'KeyCurveWrong',
      message: `A ${purpose} key is of ${purpose === 'log' ? 'Ed25519' : 'P-256'}, and key ${kid} is of ${curve}: make one of the right kind.`,
      kid,
      curve,
    }
  if (expires <= notBefore || expires <= at)
    return {
      reason: 'KeyNeverValid',
      message: `Key ${kid} would hold from ${notBefore} until ${expires}, and now it is ${at}: give it dates in which it can sign.`,
      kid,
      notBefore,
      expires,
    }
  return [{ type: 'KeyIntroduced', data: key }]
}

const rootStays = (kid: string): KeyringRefusal => ({
  reason: 'RootStays',
  message: `The root ${kid} is what terminals and phones were enrolled with: another root is another authority, to which each has to be enrolled anew.`,
  kid,
})

const known = ({ keys }: Keyring, kid: string): KnownKey | KeyringRefusal => {
  const key = keys.find(held => held.kid === kid)
  if (!key) return { reason: 'KeyUnknown', message: `No key ${kid} was introduced here: look at its id.`, kid }
  return key.purpose === 'root' ? rootStays(kid) : key
}
const isRefused = (answer: KnownKey | KeyringRefusal): answer is KeyringRefusal => 'message' in answer

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Keyring, event: KeyringEvent): Keyring => {
  switch (event.type) {
    case 'KeyIntroduced':
      return { ...state, keys: [...state.keys, { ...event.data, status: 'active' }] }
    case 'KeyRetired':
      return withStatus(state, event.data.kid, 'retired')
    case 'KeyCompromised':
      return withStatus(state, event.data.kid, 'compromised')
    case 'KeySetPublished':
      return { ...state, keySet: { ...event.data, says: sayingOf(state.keys) } }
    case 'TacMasterIntroduced':
      return { ...state, tacMasters: [...state.tacMasters, event.data.id] }
  }
}

const withStatus = (state: Keyring, kid: string, status: KnownKey['status']): Keyring => ({
  ...state,
  keys: state.keys.map(key => (key.kid === kid ? { ...key, status } : key)),
})

export const keyring: Decider<Keyring, KeyringCommand, KeyringEvent, KeyringRefusal> = {
  initialState: nothing,
  decide,
  evolve,
}

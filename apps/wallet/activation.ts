import { base64url, hex } from '#canonical/bytes'
import type { Clock } from '#canonical/clock'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { uuid7 } from '#canonical/ids'
import type { Suite } from '#license/appkey'
import { activationOf, askToActivate } from '#license/asking'
import { licenseOf, type PhoneMemory } from '#tap/phone'
import type { Authority } from './authority.ts'
import type { PhoneDisk } from './disk.ts'
import { keyIn, makeKeys, openLicensed, suiteOfKeys, transportIn } from './keys.ts'

/** A new phone: its key is made here and never leaves; a code of the back office brings it to an account. */
export const activate = async (
  { clock, crypto, disk, authority }: { clock: Clock; crypto: Crypto; disk: PhoneDisk; authority: Authority },
  code: string,
  suite: Suite,
): Promise<PhoneMemory | Refusal> => {
  const activation = hex(activationOf(crypto, code))
  const before = disk.asked(activation)
  // The code is the first key's that says it: an answer that was lost is asked for again with the same.
  const keys = before && suiteOfKeys(before) === suite ? before : makeKeys(crypto, suite)
  disk.keepAsked(activation, keys)
  const transport = transportIn(keys)
  const proof = base64url(askToActivate(crypto, code, keyIn(keys), transport))
  const asked = {
    code,
    publicKey: keys.publicKey,
    proof,
    ...(keys.transport ? { transport: keys.transport.publicKey } : {}),
  }
  const licensed = await authority.activate(asked)
  if (isRefusal(licensed)) {
    if (licensed.reason.startsWith('Activation')) disk.keepAsked(activation, undefined)
    return licensed
  }
  const opened = openLicensed(crypto, keys, licensed)
  if (isRefusal(opened)) return opened
  const fresh: PhoneMemory = {
    phone: uuid7(clock.now(), crypto.random(16)),
    ...opened,
    locked: false,
    counter: 0,
    allowanceLeft: '0',
    previous: '0'.repeat(64),
    day: { date: '1970-01-01', sum: '0' },
    payments: [],
  }
  const { credit } = licenseOf(fresh)
  const memory = { ...fresh, counter: credit.counter, allowanceLeft: credit.allowance.toString() }
  disk.keep(memory)
  disk.keepAsked(activation, undefined)
  return memory
}

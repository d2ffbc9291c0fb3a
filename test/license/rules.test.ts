import { expect, it } from 'vitest'
import { parse1, sign1 } from '#license/cose'
import type { KeySet } from '#license/keyset'
import {
  type Policy,
  readDenyList,
  readPolicy,
  signDenyList,
  signPolicy,
  verifyDenyList,
  verifyPolicy,
} from '#license/rules'
import { world } from './fixture.ts'

const { crypto, keySet, policy, policyBytes, denyList, denyListBytes, licenseKey, rulesKey } = world()
const stranger = world('another authority')

it('policy and deny list come back as the rules key signed them', () => {
  expect(readPolicy(policyBytes)).toEqual(policy)
  expect(verifyPolicy(crypto, policyBytes, keySet)).toEqual(policy)
  expect(readDenyList(denyListBytes)).toEqual(denyList)
  expect(verifyDenyList(crypto, denyListBytes, keySet)).toEqual(denyList)
})

it('a policy without a silent limit comes back without one', () => {
  const { silentMax: _, ...plain } = policy
  const read = readPolicy(signPolicy(crypto, plain satisfies Policy, rulesKey))
  expect('silentMax' in read).toBe(false)
})

it('hold by a rules key of the set alone', () => {
  expect(verifyPolicy(crypto, stranger.policyBytes, keySet)).toBeNull()
  expect(verifyPolicy(crypto, signPolicy(crypto, policy, licenseKey), keySet)).toBeNull()
  expect(verifyDenyList(crypto, signDenyList(crypto, denyList, licenseKey), keySet)).toBeNull()
  const stolen: KeySet = { ...keySet, keys: keySet.keys.map(key => ({ ...key, status: 'compromised' })) }
  expect(verifyPolicy(crypto, policyBytes, stolen)).toBeNull()
})

it('do not stand in for each other, nor without a key id', () => {
  const { payload, kid } = parse1(policyBytes)
  const asDenyList = sign1(crypto, { payload, type: 'deny-list', key: rulesKey, ...(kid && { kid }) })
  expect(verifyPolicy(crypto, asDenyList, keySet)).toBeNull()
  expect(verifyPolicy(crypto, sign1(crypto, { payload, type: 'policy', key: rulesKey }), keySet)).toBeNull()
  expect(() => readDenyList(policyBytes)).toThrow('licenses is not there')
})

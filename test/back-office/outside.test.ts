import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { hex } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import { trustEvent } from '#canonical/event'
import { kidOf } from '#license/keyset'
import { nodeCrypto } from '#machine/crypto'
import { signerSettings } from '#machine/signer'
import { licenseOf, type PhoneMemory } from '#tap/phone'
import { type AuthorityKeys, keysText } from '../../apps/back-office/authority.ts'
import { keyFile } from '../../apps/back-office/key-file.ts'
import { type OutsideKeys, outsideKeys, refuseOtherRoot } from '../../apps/back-office/outside-keys.ts'
import { keys as command } from '../../apps/tally/keys.ts'
import { makeWorld, orThrow, type World, type WorldOptions } from '../simulation/world.ts'

/** Keys that are not in the centre's own file: with a signer, which is a program, or in a safe, as the root may be. */

const by = 'operator:test'
const hour_ms = 3_600_000
let folder: string
let world: World | undefined
let opened: OutsideKeys | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tallystick-outside-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await world?.end()
  opened?.close()
  world = opened = undefined
  rmSync(folder, { recursive: true })
})
const at = (name: string) => join(folder, name)
const begin = async (seed: string, options: Partial<WorldOptions> = {}): Promise<World> => {
  world = await makeWorld({ seed, ...options })
  return world
}
const told = ({ log }: World, type: string) =>
  log.events.map(({ text }) => trustEvent(text)).filter(event => event.type === type)
const adopted = (id: string, { shops }: World) =>
  (shops.get(id)?.store.events ?? [])
    .map(({ text }) => trustEvent(text))
    .findLast(({ type }) => type === 'RulesAdopted')
const syncWhole = async (here: World) => {
  for (let tries = 0; tries < 3; tries++) await here.sync('T-1')
  expect(here.till().status().lastSyncError).toBeUndefined()
}
const sell = async (here: World, account = 'anna') => {
  orThrow(await here.key(100n))
  expect(await here.tap(account, 'T-1')).toMatchObject({ outcome: 'paid' })
  await syncWhole(here)
}

const program = join(import.meta.dirname, '..', 'machine', 'signer.mjs')
const named = async (keys: Readonly<Record<string, readonly string[]>>, how = ''): Promise<OutsideKeys> => {
  writeFileSync(at('signer.json'), JSON.stringify({ command: [process.execPath, program, at('card.json'), how], keys }))
  opened = await outsideKeys(signerSettings(at('signer.json')))
  return opened
}
const every = { root: ['root'], license: ['license'], certificate: ['certificate'], rules: ['rules'], log: ['log'] }

describe('a signer that is a program', () => {
  it('signs all that a centre signs, and the centre has no private key that signs', async () => {
    const here = await begin('outside', { outside: (await named(every)).keys })
    await sell(here)
    expect(told(here, 'PaymentAccepted')).toHaveLength(1)
    expect(here.centre().status().log.signed).toBeGreaterThan(0)
    const held = JSON.parse(keysText(here.keeper.read())) as Record<string, { privateKey?: string }>
    expect(Object.keys(every).map(purpose => held[purpose]?.privateKey)).toEqual(Array(5).fill(undefined))
    const { keys, waitsForRoot } = await here.centre().authority.look()
    expect([waitsForRoot, keys.map(({ isHere }) => isHere)]).toEqual([false, Array(5).fill(true)])
  })

  it('is asked for its newest key when keys are rotated, and refuses where it has none', async () => {
    const here = await begin('two licenses', { outside: (await named({ license: ['license', 'next'] })).keys })
    const [first, next] = (opened?.keys ?? []).map(({ publicKey }) => hex(kidOf(here.crypto, publicKey)))
    const rotate = () =>
      here.centre().authority.rotateKey({
        purpose: 'license',
        notBefore: new Date(here.clock.at).toISOString(),
        reason: 'a year',
        by,
      })
    expect(hex(licenseOf([...here.disk.values()][0] as PhoneMemory).kid)).toBe(first)
    expect(orThrow(await rotate())).toMatchObject({ kid: next })
    expect(await rotate()).toMatchObject({ reason: 'SignerHasNoNewKey', purpose: 'license' })
    expect(here.keeper.read().later.keys).toEqual([])
    // A stolen key is named also where its signer has no other: nothing is signed by it any more.
    expect(
      orThrow(await here.centre().authority.compromiseKey({ kid: next as string, reason: 'lost', by })),
    ).toMatchObject({ kid: next })
    await sell(here)
  })

  it('that signs wrongly gives no word of the centre', async () => {
    await named(every)
    opened?.close()
    await expect(begin('wrong', { outside: (await named(every, 'wrong')).keys })).rejects.toMatchObject({
      code: 'SignerFailed',
      found: 'wrong',
    })
  })

  it('is refused where its keys are of the wrong kind, named twice, or of another root', async () => {
    await expect(named({ license: ['log-1'] })).rejects.toThrow(
      /log-1 is a key of Ed25519, and a license key is of P-256/,
    )
    await expect(named({ license: ['one'], rules: ['one'] })).rejects.toThrow(
      /named for rules, and the same key for license/,
    )
    const here = await begin('other root')
    expect(() => refuseOtherRoot(here.keys, opened?.keys ?? [])).not.toThrow()
    const { keys } = await named({ root: ['root'] })
    expect(() => refuseOtherRoot(here.keys, keys)).toThrow('another root key than keys.json names')
  })
})

describe('a root that is kept away', () => {
  const tally = async (...args: string[]): Promise<string> => {
    const out: string[] = []
    vi.spyOn(process.stdout, 'write').mockImplementation(text => out.push(text.toString()) > 0)
    try {
      expect(await command(args)).toBe(0)
    } finally {
      vi.restoreAllMocks()
    }
    return out.join('')
  }
  const passphrase = at
  const quiet = { info: () => {}, warn: () => {} }
  const crypto = nodeCrypto()
  /** A centre whose keys lie sealed in its folder. */
  const keeping = (keys: AuthorityKeys) => {
    writeFileSync(at('keys.json'), keysText(keys))
    return keyFile(crypto, folder, 'of the keys', 1, quiet)
  }
  const begun = async (seed: string) => {
    writeFileSync(passphrase('p'), 'of the keys\n')
    writeFileSync(passphrase('r'), 'of the root\n')
    return begin(seed, { keeping })
  }
  const ofKeys = () => ['--data', folder, '--keys-passphrase', at('p')]
  const out = () => tally('root', 'out', ...ofKeys(), '--to', at('root.key'), '--root-passphrase', at('r'))
  const sign = (...more: string[]) =>
    tally(
      'root',
      'sign',
      '--root',
      at('root.key'),
      '--root-passphrase',
      at('r'),
      '--from',
      at('unsigned'),
      '--to',
      at('signed'),
      ...more,
    )

  it('signs a new license key on another machine, and a terminal adopts what it signed', async () => {
    const here = await begun('offline root')
    const { authority } = here.centre()
    const privateRoot = Buffer.from(here.keys.root.privateKey).toString('base64url')
    expect(await out()).toMatch(/is in .*root\.key, sealed, and no more in/)
    expect(here.keeper.read().root.privateKey).toHaveLength(0)
    expect(readFileSync(at('root.key'), 'utf8')).not.toContain(privateRoot)
    // It is out, and cannot be taken twice.
    await expect(tally('root', 'out', ...ofKeys(), '--to', at('again'), '--root-passphrase', at('r'))).rejects.toThrow(
      'taken out before',
    )

    const old = licenseOf([...here.disk.values()][0] as PhoneMemory).kid
    const notBefore = new Date(here.clock.at + 72 * hour_ms).toISOString()
    const rotated = orThrow(await authority.rotateKey({ purpose: 'license', notBefore, reason: 'a year', by }))
    const { kid } = rotated as { kid: string }
    expect(rotated).toMatchObject({ keySet: 1, waitsForRoot: true })
    writeFileSync(at('unsigned'), JSON.stringify(await authority.unsignedKeySetText()))

    expect(await sign()).toContain(`${kid}  license     active`)
    const document = readFileSync(at('signed'), 'utf8').trim()
    expect(orThrow(await authority.bringKeySet({ document, by }))).toEqual({ version: 2 })
    await syncWhole(here)
    expect(adopted('T-1', here)?.data).toMatchObject({ keySet: { version: 2 } })

    here.clock.at += 72 * hour_ms
    await syncWhole(here)
    const invited = orThrow(
      await here.centre().invitePhone({ account: 'anna', currency: 'EUR', allowance: '10.00', by }),
    )
    const phone = orThrow(await here.phones.addPhone((invited as { code: string }).code)) as { id: string }
    const license = licenseOf(here.disk.get(phone.id) as PhoneMemory)
    expect([hex(license.kid), hex(old) === kid]).toEqual([kid, false])
    await here.settle()
    orThrow(await here.key(100n))
    await here.phones.tap(phone.id, 'T-1', true)
    await syncWhole(here)
    expect(told(here, 'PaymentAccepted')).toHaveLength(1)
  })

  it('comes back, and the centre signs by itself again', async () => {
    const here = await begun('root back')
    const before = here.keeper.read()
    await out()
    await tally('root', 'in', ...ofKeys(), '--root', at('root.key'), '--root-passphrase', at('r'))
    expect(here.keeper.read()).toEqual(before)
    const rotated = await here.centre().authority.rotateKey({ purpose: 'rules', reason: 'a year', by })
    expect(rotated).toMatchObject({ keySet: 2, waitsForRoot: false })
  })

  it('signs nothing for whoever has the wrong passphrase, file, or key set', async () => {
    const here = await begun('refused')
    await out()
    const set = orThrow(await here.centre().authority.rotateKey({ purpose: 'rules', reason: 'a year', by }))
    expect(isRefusal(set)).toBe(false)
    const unsigned = JSON.stringify(await here.centre().authority.unsignedKeySetText())
    writeFileSync(at('unsigned'), unsigned.replace('"active"', '"fine"'))
    await expect(sign()).rejects.toThrow(/no key set that waits for the root \(keys\.0\.status/)
    writeFileSync(at('unsigned'), 'all of them')
    await expect(sign()).rejects.toThrow('not JSON')
    writeFileSync(at('unsigned'), unsigned)
    await expect(sign('--root-passphrase', at('p'))).rejects.toMatchObject({ code: 'KeysLocked' })
    await expect(sign('--root', at('unsigned'))).rejects.toThrow('holds no root key')
    await expect(sign('--root', at('keys.json'), '--root-passphrase', at('p'))).rejects.toThrow('holds no root key')
    await sign()
    await expect(sign()).rejects.toThrow('is there already')
    // Of another authority.
    const [other, its] = [makeOther(), ['--data', at('other')]]
    await expect(tally('root', 'in', ...its, '--root', at('root.key'), '--root-passphrase', at('r'))).rejects.toThrow(
      other,
    )
  })

  const makeOther = (): string => {
    keyFile(crypto, at('other'), undefined, 1, quiet)
    return 'root of another authority'
  }
})

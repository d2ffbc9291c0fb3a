import { isRefusal } from '#canonical/decider'
import { type Amount, minorUnits } from '#money'
import { said } from './oracle.ts'
import type { Scene, StepName, Steps } from './scene.ts'
import { orThrow } from './world.ts'

/** What the back office does in a simulated world, and what thieves do to phones, tills, keys and the centre's disk. */

export const officeSteps = [
  'repay',
  'renew',
  'look after',
  'key rotated',
  'key compromised',
  'terminal moved',
  'terminal suspended',
  'deny list late',
  'centre restored',
  'phone cloned',
  'phone rolled back',
  'terminal cloned',
  'old image',
] as const satisfies readonly StepName[]
export type OfficeStep = (typeof officeSteps)[number]

const by = 'operator:test'
const hour_ms = 3_600_000
/** Commissioned, with its rules, and its first day open. */
const born = 3

export const officeStepsOf = ({ world, audit, phones, chance, befell, calmly }: Scene): Steps<OfficeStep> => {
  const repaid: { account: string; repayment: string; amount: Amount; currency: string; source: string; by: string }[] =
    []
  /** Phones as they were once, by whoever kept a copy. */
  const memories = new Map<string, ReturnType<typeof world.phones.memories>[number]>()
  for (const memory of world.phones.memories()) memories.set(memory.phone, memory)
  const suspended = new Set<string>()
  let devices = 0
  const terminalOf = (id: string): string => world.shops.get(id)?.identity.terminal ?? id

  const replace = async (): Promise<void> => {
    await world.addTerminal(`T-${10 + ++devices}`, chance().pick(['s-1', 's-2']))
    world.restartPhones()
  }
  /** Where the log is not what was signed of it, somebody says so, and it begins under a new name. */
  const signAnew = async (): Promise<void> => {
    for (const { life } of world.centres)
      if (life.node.signing.state().silence !== undefined) await life.node.signing.beginAnew()
  }
  /** Whatever phones know that the centre may not. */
  const hearPhones = async (): Promise<void> => {
    for (const { phone } of world.phones.memories()) await world.phones.testify(phone)
    await world.settle()
  }
  /** A terminal of which there are two is declared lost, and all who bear its name are scrapped. */
  const declareLost = async (terminal: string): Promise<void> => {
    orThrow(await world.centre().declareTerminalLost({ terminal, reason: 'two of one name', by }))
    await world.settle()
    audit.readTills()
    for (const [id, { identity }] of [...world.shops]) if (identity.terminal === terminal) world.scrapTerminal(id)
    await replace()
    await hearPhones()
  }

  return {
    repay: async () => {
      const { account } = chance().pick(phones)
      const amount = minorUnits(`${1 + chance().below(3000)}`)
      const repayment = { account, repayment: `repaid-${repaid.length}`, amount, currency: 'EUR', source: 'bank', by }
      repaid.push(repayment)
      await calmly(() => world.centre().receiveRepayment(repayment))
    },
    renew: () =>
      calmly(async () => {
        const { phone } = chance().pick(phones)
        await world.phones.renew(phone)
        const memory = world.phones.memories().find(each => each.phone === phone)
        if (memory) memories.set(phone, memory)
      }),
    /** Somebody goes through what the centre raised, and what stands still. */
    'look after': () =>
      calmly(async () => {
        await signAnew()
        for (const terminal of audit.forked()) await declareLost(terminal)
        for (const [id, { node, store, skew_ms, online, identity }] of [...world.shops]) {
          const last = store.events.at(-1)
          const behind_ms = last ? Date.parse(said(last.text).at) - world.clock.at : 0
          const isStuck = behind_ms > hour_ms && skew_ms === 0 && online
          if (!isStuck || audit.isCopied(identity.terminal)) continue
          await world.sync(id)
          if (node.status().waiting.count > 0) continue
          const retired = await world.centre().retireTerminal({ terminal: identity.terminal, reason: 'its clock', by })
          if (isRefusal(retired)) continue
          audit.readTills()
          world.scrapTerminal(id)
          await replace()
        }
        for (const terminal of suspended) {
          await world.centre().reinstateTerminal({ terminal, reason: 'it is sound', by })
          suspended.delete(terminal)
        }
      }),
    'key rotated': () =>
      calmly(async () => {
        const purpose = chance().pick(['license', 'certificate', 'rules', 'log'] as const)
        befell('key rotated', purpose)
        orThrow(await world.centre().authority.rotateKey({ purpose, reason: 'its time is over', by }))
      }),
    'key compromised': () =>
      calmly(async () => {
        const purpose = chance().pick(['license', 'certificate', 'rules', 'log'] as const)
        const { keys } = await world.centre().authority.look()
        const key = keys.find(each => each.purpose === purpose && each.signs)
        if (!key) return
        befell('key compromised', purpose)
        audit.stolen(purpose)
        orThrow(await world.centre().authority.compromiseKey({ kid: key.kid, reason: 'a disk was stolen', by }))
      }),
    'terminal moved': id =>
      calmly(async () => {
        const shop = chance().pick(['s-1', 's-2'])
        const moved = await world.centre().moveTerminal({ terminal: terminalOf(id), shop, reason: 'busier', by })
        if (!isRefusal(moved)) befell('terminal moved')
      }),
    'terminal suspended': id =>
      calmly(async () => {
        const terminal = terminalOf(id)
        const asked = await world.centre().suspendTerminal({ terminal, reason: 'looked at', by })
        if (isRefusal(asked)) return
        suspended.add(terminal)
        befell('terminal suspended')
      }),
    /** A phone is stolen: its license ends, tills hear of it when they do, and the thief goes on. */
    'deny list late': () =>
      calmly(async () => {
        const { phone, account } = chance().pick(phones)
        const license = audit.licenseOf(phone)
        const ended = await world.centre().revokeLicense({ license, why: 'stolen', by })
        if (isRefusal(ended)) return
        befell('deny list late')
        audit.denied(license, (ended as { denyListVersion: number }).denyListVersion)
        const next = await world.addPhone(account, '300.00')
        if (typeof next === 'string') phones.push({ phone: next, account })
      }),
    /** The centre's log is what a backup held, made after the last thing that people decided there. */
    'centre restored': () =>
      calmly(async () => {
        const earliest = (await audit.decidedTo()) + 1
        const { length } = world.log.events
        if (earliest >= length) return
        const kept = earliest + chance().below(length - earliest)
        befell('centre restored')
        await world.restoreCentres(kept)
        audit.restored()
        for (const id of world.shops.keys()) await world.sync(id)
        await signAnew()
        for (const repayment of repaid) orThrow(await world.centre().receiveRepayment(repayment))
        await world.settle()
      }),
    'phone cloned': async () => {
      const { phone, account } = chance().pick(phones)
      const memory = world.phones.memories().find(each => each.phone === phone)
      if (!memory || memory.renewal) return
      const copy = `${phone}-copy-${++devices}`
      befell('phone cloned')
      audit.copiedPhone(memory, copy)
      world.smuggle({ ...memory, phone: copy })
      phones.push({ phone: copy, account })
    },
    'phone rolled back': async () => {
      const { phone } = chance().pick(phones)
      const memory = world.phones.memories().find(each => each.phone === phone)
      if (!memory || memory.renewal) return
      const before = memories.get(phone)
      if (!before || before.counter === memory.counter || before.license !== memory.license) {
        memories.set(phone, memory)
        return
      }
      befell('phone rolled back')
      audit.rolledBack(phone, before)
      world.smuggle(before)
    },
    'terminal cloned': id =>
      calmly(async () => {
        const copy = `${id}+${++devices}`
        befell('terminal cloned')
        audit.copied(terminalOf(id))
        await world.copyTerminal(id, copy, world.imageOf(id))
        world.restartPhones()
      }),
    'old image': id =>
      calmly(async () => {
        const shop = world.shops.get(id)
        if (!shop || audit.isCopied(terminalOf(id))) return
        world.network(true, id)
        world.till(id).setNetwork(true)
        await world.sync(id)
        const { events } = shop.store
        const image = {
          events: Math.max(born, events.length - 1 - chance().below(8)),
          notes: new Map<string, string>(),
        }
        // What the centre does not have would be gone with the disk: that is a till that burnt.
        const isHeld = world.till(id).till.acknowledgedTo >= events.length - 1
        if (!isHeld || image.events >= events.length) return
        befell('old image')
        await world.rewind(id, image)
        await audit.rewound(id, image.events)
        await world.sync(id)
        audit.regained(id, events)
      }),
  }
}

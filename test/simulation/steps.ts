import { isRefusal } from '#canonical/decider'
import { minorUnits } from '#money'
import type { OfficeStep } from './office-steps.ts'
import type { Scene, StepName, Steps } from './scene.ts'

/** What people do in a simulated world, one step at a time, and what befalls them between two messages. */

const minute_ms = 60_000
const year_ms = 365 * 24 * 60 * minute_ms

export const stepsOf = (scene: Scene): Steps<Exclude<StepName, OfficeStep>> => {
  const { world, audit, phones, centres, chance, befell, count } = scene
  const pressed = new Map<string, () => Promise<void>>()
  const tore = new Map<string, string>()
  let reversals = 0

  const key = async (id: string): Promise<void> => {
    const dice = chance()
    // Round sums, where shares of them round to even; small sums; and some that limits are for.
    const amount = dice.pick([100 * (1 + dice.below(20)), 1 + dice.below(2500), 1 + dice.below(16_000)])
    const sale = await world.key(BigInt(amount), id)
    if ('sale' in sale && typeof sale.sale === 'string') audit.keyed(id, sale.sale)
    if (isRefusal(sale) && sale.reason === 'DayNotOpen') await world.till(id).openDay()
  }

  const tap = async (id: string): Promise<void> => {
    const state = world.till(id).currentSale()?.state
    if (state !== 'waiting' && state !== 'torn') await key(id)
    // A torn sale is mostly tapped again by the phone that tore it.
    const before = world.till(id).currentSale()?.state === 'torn' && chance().chance(75) ? tore.get(id) : undefined
    const phone = before ?? chance().pick(phones).phone
    audit.tapping(id)
    const outcome = await world.phones.tap(phone, id, chance().chance(70))
    audit.tapped(id, outcome)
    tore.set(id, phone)
    if (!('outcome' in outcome)) return
    const sale = world.till(id).currentSale()
    const because = outcome.outcome === 'paid' ? undefined : (sale?.because?.reason ?? outcome.reason)
    count([outcome.outcome, because].filter(Boolean).join(': '))
  }

  const reverse = async (id: string): Promise<void> => {
    const dice = chance()
    const recorded = audit.recorded(id)
    if (recorded.length === 0) return
    const transaction = dice.pick(recorded)
    const amount = world.till(id).recorded(transaction)?.amount ?? 1n
    const part = 1n + (BigInt(dice.below(1000)) * amount) / 1000n
    const reversal = `reversal-${dice.chance(95) ? ++reversals : reversals}`
    const whole = dice.chance(40)
    const press = async (): Promise<void> => {
      const node = world.till(id)
      const answer = whole
        ? await node.voidTransaction(reversal, transaction)
        : await node.refundTransaction(reversal, transaction, minorUnits(part.toString()))
      if (!isRefusal(answer)) await audit.gaveBack(id, reversal, transaction, whole ? undefined : part)
    }
    // A cashier presses twice now and then.
    const again = dice.chance(15) ? pressed.get(id) : undefined
    pressed.set(id, press)
    await (again ?? press)()
  }

  return {
    tap,
    key,
    sync: async id => void (await world.sync(id)),
    network: async id => {
      world.network(true, id)
      world.till(id).setNetwork(!chance().chance(8))
    },
    partition: async id => {
      if (world.shops.get(id)?.online) befell('partition')
      world.network(false, id)
    },
    clock: async () => {
      world.clock.at += (chance().chance(80) ? chance().below(90) : chance().below(40 * 60)) * minute_ms
    },
    cancel: async id => {
      const sale = chance().chance(50) ? world.till(id).currentSale()?.sale : audit.tornSales(id)[0]
      if (sale === undefined) return
      audit.cancels(id, sale)
      await world.till(id).cancelSale(sale)
    },
    reverse,
    day: async id => {
      if (isRefusal(await world.till(id).closeDay()) || chance().chance(80)) await world.till(id).openDay()
    },
    'clock off': async id => {
      const skew_ms = (chance().below(13) - 6) * minute_ms
      if (skew_ms !== 0) befell('clock off')
      world.skew(skew_ms, id)
    },
    'clock wrong by years': async id => {
      const ahead = chance().chance(50)
      befell('clock wrong by years', ahead ? 'ahead' : 'behind')
      audit.clockWrong(world.shops.get(id)?.identity.terminal ?? id)
      world.skew((ahead ? 1 : -1) * (1 + chance().below(8)) * year_ms, id)
    },
    'restart terminal': world.restartTerminal,
    'restart phones': async () => world.restartPhones(),
    'restart centre': () => world.restartCentre(chance().below(centres)),
    'late message': async () => {
      if (world.late() > 0) await world.arriveLate(chance().below(world.late()))
      await world.settle()
    },
  }
}

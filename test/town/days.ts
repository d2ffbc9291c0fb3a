import { isRefusal } from '#canonical/decider'
import { town as everybody } from './centres.ts'
import { days } from './people.ts'
import type { Selling } from './selling.ts'
import { orThrow, supervisor, type Till } from './shops.ts'
import { by, type Town } from './town.ts'

/** The shops' days, their way to the centre, and what befalls their tills. */
export const shopDays = (town: Town, { shopping }: Selling) => {
  const { chance, at, count, order, tills, till: of, place, spare, pocket, approved, told, accountOf } = town
  const { localHour, other, others, isHome } = town

  const openDay = async (till: Till): Promise<void> => {
    const events = orThrow(await till.node.openDay())
    if (events.some(({ type }) => type === 'DayRolledOver')) count('day rolled over')
    if (till.node.till.staff.size > 0) orThrow(await till.node.people.signOn(supervisor.staff, supervisor.pin))
  }
  const closeDay = async (till: Till): Promise<void> => {
    for (const { sale } of [...till.node.till.open.values()]) await till.node.cancelSale(sale)
    const closed = await till.node.closeDay()
    if (isRefusal(closed)) throw new Error(`${till.id}: ${closed.message}`)
    count('day closed')
  }
  const sync = async (till: Till): Promise<void> => {
    if (!till.gone && till.online) await till.node.syncNow()
  }
  const daily = (till: Till, from: number): void => {
    for (let day = from; day < days; day++) {
      at(localHour(till, day, 6), async () => {
        if (!till.gone) await openDay(till)
      })
      for (const hour of [7, 14, 22.5]) at(localHour(till, day, hour) + chance.below(1800) * 1000, () => sync(till))
      at(localHour(till, day, 22), async () => {
        // At some tills everybody goes home now and then, and nobody closes.
        if (!till.gone && !(day % 9 === 4 && till.id.endsWith('5'))) await closeDay(till)
      })
    }
  }
  for (const till of tills.values()) daily(till, 0)
  for (const id of ['T-3', 'T-5', 'T-7'])
    at(localHour(of(id), 0, 5), async () => {
      orThrow(await of(id).node.people.appoint({ ...supervisor, name: 'Sam', role: 'supervisor' }))
    })

  // One is away for two weeks, one burns and is replaced, one's clock is set back.
  const away = of('T-7')
  at(localHour(away, 8, 9), async () => void (away.online = false))
  at(localHour(away, 22, 9), async () => {
    away.online = true
    count('away for two weeks')
  })
  for (let sale = 0; sale < 4; sale++) shopping(other(200 + sale), 'T-7', localHour(away, 11, 10) + sale * 60_000, 800n)
  const burnt = of('T-13')
  at(localHour(burnt, 15, 8), async () => void (burnt.online = false))
  at(localHour(burnt, 15, 16), async () => {
    burnt.gone = true
    count('burnt')
  })
  at(localHour(burnt, 16, 5), async () => {
    await place(spare, burnt.shop, burnt.merchant, burnt.zone)
    orThrow(await order(everybody, node => node.declareTerminalLost({ terminal: 'T-13', reason: 'burnt', by })))
    count('terminal declared lost')
    daily(of(spare), 16)
  })
  for (let day = 17; day < days; day += 2)
    for (let sale = 0; sale < 3; sale++)
      shopping(chance.pick(others), spare, localHour(burnt, day, 10 + sale), BigInt(200 + chance.below(900)))
  for (let sale = 0; sale < 4; sale++) shopping(other(100 + sale), 'T-13', localHour(burnt, 15, 9 + sale), 1_300n)
  // What only the phones still know of comes home with them.
  at(localHour(burnt, 19, 5), async () => {
    const missing = [...approved].filter(([, { till, revision }]) => till === burnt && !isHome(till.id, revision))
    // One of them is as lost as the till.
    for (const [transaction, { phone }] of missing.slice(1)) {
      orThrow(await pocket.ofAccount(accountOf.get(phone) as string).testify(phone))
      told.add(transaction)
      count('came home from a phone')
    }
  })

  const slow = of('T-4')
  for (let sale = 0; sale < 5; sale++)
    shopping(chance.pick(others), 'T-4', localHour(slow, 12, 9) + sale * 60_000, 500n)
  at(localHour(slow, 12, 9) + 90_000, async () => void (slow.skew_ms = -20 * 60_000))
  at(localHour(slow, 12, 10), async () => void (slow.skew_ms = 0))

  return { sync, openDay, closeDay }
}

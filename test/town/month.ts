import { isRefusal } from '#canonical/decider'
import { intOf, textOf } from '#eventstore/rows'
import { minorUnits } from '#money'
import { exceptions } from '#projections/exceptions'
import { authority } from './authority.ts'
import { casts } from './casts.ts'
import { shopDays } from './days.ts'
import { office } from './office.ts'
import { day_ms, days, month_ms, type Scale } from './people.ts'
import { selling } from './selling.ts'
import { orThrow } from './shops.ts'
import { by, foundTown, second, type Town } from './town.ts'

/**
 * A month of a small town, lived once by the apps' own nodes on a seeded world. What it leaves is what a stranger would
 * find: the tills' logs, what was ordered at the centre and when, how far each till had come when; and an oracle that
 * watched.
 */

export type Month = Awaited<ReturnType<typeof liveMonth>>

/** A license of a year, its late term, and a day. */
const termsEnd_ms = (365 + 90 + 1) * day_ms

export const liveMonth = async (seed: string, scale: Scale, progress: (line: string) => void = () => {}) => {
  const town = await foundTown(seed, scale)
  const { crypto, keys, clock, steps, tills, store, rows, centres, counts, count, money } = town
  const { chance, at, ids, other, openHour, evening, givenBack } = town
  progress(`${scale.phones} phones, ${tills.size} tills: ${store.events.length} events`)

  const till = selling(town)
  casts(town, till)
  // Everybody else, for as many taps as the town is given.
  for (let taps = town.plannedCount(); taps < scale.taps; taps++) {
    const id = chance.pick(ids)
    const amount = BigInt(50 + chance.below(chance.pick([900, 900, 4000, 9000])))
    till.shopping(other(taps), id, openHour(id, chance.below(days)), amount)
  }
  const shops = shopDays(town, till)
  authority(town, till)
  const bureau = office(town, till)
  for (let day = -1; day <= days + 1; day++)
    at(month_ms + day * day_ms, async () => {
      await evening()
      if (day % 10 === 9) progress(`day ${day}: ${counts['tap']} taps, ${store.events.length} events`)
    })
  await town.live()

  // The last lorry.
  clock.at = month_ms + (days + 2) * day_ms
  for (const each of tills.values()) {
    each.skew_ms = 0
    each.online = true
    await shops.sync(each)
  }
  await evening()
  const end_ms = clock.at
  const taken = town.paymentsSeen()

  // All terms run out: nothing is held for anybody any more, and what was bought can still be brought back.
  clock.at += termsEnd_ms
  await evening()
  for (const license of [...town.licenseOf.values(), ...bureau.renewed]) money.releases(license)
  count('all terms over')
  await refundLate(town, taken, shops, till.giveBack)
  await evening()

  for (const signed of taken) {
    if (town.held.has(signed.transaction)) money.isHeld(signed)
    else money.pays(signed)
  }
  for (const { till, reversal, transaction, amount, revision } of givenBack) {
    if (!town.isHome(till.id, revision)) continue
    const signed = taken.find(each => each.transaction === transaction)
    if (signed) money.givesBack(reversal, signed.payment, amount)
  }
  await closeAccounts(town, bureau.closing)
  await evening()

  const lostWith = [...town.approved].filter(
    ([transaction, { till, revision }]) => !town.isHome(till.id, revision) && !town.told.has(transaction),
  )
  counts['lost with the burnt terminal'] = lostWith.length
  for (const row of await rows.sums(exceptions, 'exception', { column: 'amount', by: ['kind'] }))
    counts[`exception: ${textOf(row, 'kind')}`] = Number(intOf(row, 'count'))
  return { seed, scale, keys, crypto, clock, steps, tills, store, rows, centres, counts, money, end_ms }
}

/** Three customers bring something back when their licenses are long over. */
const refundLate = async (
  { approved, givenBack, held, clock, count, pocket, licenseOf }: Town,
  taken: readonly { readonly transaction: string; readonly currency: string }[],
  { openDay, closeDay, sync }: ReturnType<typeof shopDays>,
  giveBack: ReturnType<typeof selling>['giveBack'],
): Promise<void> => {
  const back = new Set(givenBack.map(({ transaction }) => transaction))
  const late = taken.filter(({ transaction, currency }) => {
    const { till, phone } = approved.get(transaction) ?? {}
    if (!till || till.gone || !phone || currency !== 'EUR' || back.has(transaction) || held.has(transaction))
      return false
    const look = pocket.phones.look(phone)
    return !isRefusal(look) && look.license?.id === licenseOf.get(phone) && Date.parse(look.license.expires) < clock.at
  })
  for (const { transaction } of late.slice(0, 3)) {
    const { till, amount } = approved.get(transaction) as NonNullable<ReturnType<typeof approved.get>>
    await openDay(till)
    const before = givenBack.length
    await giveBack(transaction, 'refund', amount)
    if (givenBack.length > before) count('refund under an expired license')
    await closeDay(till)
    await sync(till)
  }
}

/** The second step, when nothing is held any more: what is owed is paid, what is too much is paid out. */
const closeAccounts = async (
  { money, order, count }: Town,
  closing: readonly { readonly account: string; readonly currency: 'EUR' | 'CHF' }[],
): Promise<void> => {
  for (const { account, currency } of closing) {
    const owed = money.books().get(`payer:${account} ${currency}`) ?? 0n
    const amount = minorUnits(`${owed < 0n ? -owed : owed}`)
    const sum = { account, amount, currency, source: 'counter', by }
    if (owed !== 0n) {
      const close = await order(account, node => node.closeAccount({ account, by }))
      if (isRefusal(close)) count(`closing refused: ${close.reason}`)
    }
    if (owed > 0n) {
      orThrow(await order(account, node => node.receiveRepayment({ ...sum, repayment: `last of ${account}` })))
      money.moves('clearing:counter', `payer:${account}`, currency, owed)
    }
    if (owed < 0n) {
      const payout = `last of ${account}`
      orThrow(await order(account, node => node.proposePayout({ ...sum, payout, reason: 'the account is closed' })))
      orThrow(await order(account, node => node.approveAccountOrder({ account, proposal: payout, by: second })))
      money.moves(`payer:${account}`, 'clearing:counter', currency, -owed)
    }
    orThrow(await order(account, node => node.closeAccount({ account, by })))
    count('account closed')
  }
}

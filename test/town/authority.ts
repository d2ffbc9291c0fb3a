import { hex } from '#canonical/bytes'
import { kidOf } from '#license/keyset'
import { minorUnits } from '#money'
import { town as everybody } from './centres.ts'
import { day_ms, month_ms } from './people.ts'
import type { Selling } from './selling.ts'
import { orThrow } from './shops.ts'
import { by, type Town } from './town.ts'

/** What the authority says: licenses end, terminals move, keys follow each other, a policy is drawn tighter. */
export const authority = (town: Town, { shopping }: Selling): void => {
  const { crypto, keys, chance, at, count, order, till, licenseOf, accountOf, others, other } = town
  const { localHour, openHour, francs, phonesOf } = town
  const away = till('T-7')

  // A phone is lost at night; whoever finds it tries it at a till that has heard, and at one that has not.
  for (let lost = 0; lost < 8; lost++) {
    const phone = other(lost * 7)
    at(localHour(away, 8, 11), async () => {
      const license = licenseOf.get(phone) as string
      orThrow(await order(accountOf.get(phone) as string, node => node.revokeLicense({ license, why: 'lost', by })))
      count('license revoked')
    })
    shopping(phone, 'T-7', localHour(away, 9, 9 + lost), 400n)
    shopping(phone, 'T-2', openHour('T-2', 11), 600n)
  }
  // One stands elsewhere from then on, one is out of service for a day.
  at(month_ms + 12 * day_ms, async () => {
    orThrow(
      await order(everybody, node =>
        node.moveTerminal({ terminal: 'T-15', shop: 's-8', reason: 'a busier place', by }),
      ),
    )
    count('terminal moved')
  })
  const paused = till('T-16')
  at(localHour(paused, 20, 6.5), async () => {
    orThrow(await order(everybody, node => node.suspendTerminal({ terminal: 'T-16', reason: 'looked at', by })))
  })
  for (let sale = 0; sale < 4; sale++) shopping(chance.pick(others), 'T-16', localHour(paused, 20, 9 + sale), 700n)
  at(localHour(paused, 20, 23), async () => {
    orThrow(await order(everybody, node => node.reinstateTerminal({ terminal: 'T-16', reason: 'it is sound', by })))
    count('terminal suspended and reinstated')
  })
  // The merchant who sells in francs may keep less from then on; on one of its tills the network fails for a morning.
  at(month_ms + 10 * day_ms, async () => {
    const change = { stored: { count: 4, sum: minorUnits('500000') } }
    const asked = { currency: 'CHF' as const, change, reason: 'a broken line', by }
    orThrow(await order(everybody, node => node.book.setPolicy(asked)))
    count('policy drawn tighter')
  })
  const busy = till(francs[0] as string)
  at(localHour(busy, 14, 9), async () => void (busy.online = false))
  for (const [place, phone] of phonesOf('tourist').entries())
    for (let sale = 0; sale < 2; sale++) shopping(phone, busy.id, localHour(busy, 14, 10 + sale) + place * 60_000, 150n)
  at(localHour(busy, 14, 13), async () => void (busy.online = true))
  // Keys follow each other; and the one that signed everybody's license is stolen on the last day but two.
  at(month_ms + 13 * day_ms, async () => {
    orThrow(
      await order(everybody, node => node.authority.rotateKey({ purpose: 'license', reason: 'a year is over', by })),
    )
    count('key rotated')
  })
  at(month_ms + 28 * day_ms, async () => {
    const kid = hex(kidOf(crypto, keys.license.publicKey))
    orThrow(await order(everybody, node => node.authority.compromiseKey({ kid, reason: 'a disk was stolen', by })))
    count('key compromised')
  })
}

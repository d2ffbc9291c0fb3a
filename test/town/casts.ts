import { base64url } from '#canonical/bytes'
import { day_ms, hour_ms, month_ms } from './people.ts'
import type { Selling } from './selling.ts'
import type { Town } from './town.ts'

/** Those who live the month that a rule, or a thief, was made for. */
export const casts = (town: Town, { tap, shopping, giveBack }: Selling): void => {
  const { crypto, chance, at, count, pocket, licenseOf, accountOf, altered } = town
  const { till, phonesOf, euroTill, openHour, localHour, francs, other } = town
  for (const phone of phonesOf('commuter'))
    for (let ride = 0; ride < 54; ride++)
      shopping(phone, 'T-1', localHour(till('T-1'), Math.floor(ride / 2), 8 + (ride % 2) * 9), 110n)
  for (const [place, phone] of phonesOf('spender').entries())
    for (let buy = 0; buy < 5; buy++)
      shopping(phone, euroTill(8 + 2 * buy), openHour(euroTill(8 + 2 * buy), 1 + place + buy), 13_000n)
  for (const [place, phone] of phonesOf('regular').entries())
    for (let buy = 0; buy < 4; buy++) shopping(phone, 'T-3', localHour(till('T-3'), 2 + place, 9 + buy * 3), 11_000n)
  for (const phone of phonesOf('over one payment')) shopping(phone, 'T-6', openHour('T-6', 4), 15_001n)
  for (const phone of phonesOf('small allowance')) shopping(phone, 'T-4', openHour('T-4', 5), 3_000n)
  for (const phone of phonesOf('tourist')) {
    shopping(phone, 'T-8', openHour('T-8', 6), 900n)
    for (const id of francs) shopping(phone, id, openHour(id, 7), 1_200n)
  }
  for (const id of francs) shopping(phonesOf('commuter')[0] as string, id, openHour(id, 1), 300n)
  for (const [place, phone] of phonesOf('big day').entries())
    for (let buy = 0; buy < 2; buy++)
      shopping(
        phone,
        'T-9',
        localHour(till('T-9'), 3, 9 + buy * 5) + place * 60_000,
        9_900n + BigInt(chance.below(100)) * 50n,
      )
  at(localHour(till('T-9'), 3, 7), async () => void (till('T-9').online = false))
  at(localHour(till('T-9'), 4, 12), async () => void (till('T-9').online = true))

  // A thief copies a phone at night: from then on two of them pay under one key, and the copy at the old tills, too.
  for (const [place, phone] of phonesOf('cloned').entries()) {
    const [first, second] = [euroTill(10 + 2 * place), euroTill(21 + 2 * place)]
    shopping(phone, first, openHour(first, 5), 1_500n)
    at(month_ms + 8 * day_ms, async () => {
      const memory = pocket.memories().find(({ phone: id }) => id === phone)
      if (!memory) return
      pocket.smuggle({ ...memory, phone: `${phone}-copy` })
      licenseOf.set(`${phone}-copy`, licenseOf.get(phone) as string)
      accountOf.set(`${phone}-copy`, accountOf.get(phone) as string)
      count('phone cloned')
    })
    shopping(phone, first, openHour(first, 9), 4_000n + BigInt(place))
    shopping(`${phone}-copy`, first, openHour(first, 10), 700n)
    shopping(`${phone}-copy`, second, openHour(second, 11), 9_000n)
    shopping(`${phone}-copy`, second, openHour(second, 12), 9_100n)
  }
  for (const [place, phone] of phonesOf('altered TAC').entries()) {
    altered.add(phone)
    at(month_ms + hour_ms, async () => {
      const memory = pocket.memories().find(({ phone: id }) => id === phone)
      if (memory) pocket.smuggle({ ...memory, tacKey: base64url(crypto.random(32)) })
    })
    const id = euroTill(1 + 2 * place)
    const [at_ms, amount] = [openHour(id, 7), 2_000n + BigInt(place)]
    if (place < 9) shopping(phone, id, at_ms, amount)
    // Some bring back a part before anybody has decided who pays.
    else
      at(at_ms, async () => {
        const transaction = await tap(phone, id, amount)
        if (transaction) at(at_ms + day_ms, () => giveBack(transaction, 'refund', 700n + BigInt(place)))
      })
  }
  // Answers that come too late may have come from far away.
  for (let place = 0; place < 3; place++) {
    const id = euroTill(30 + 2 * place)
    at(openHour(id, 10), async () => void (await tap(other(350 + place), id, 300n, { exchange: 2, slow_ms: 2_000 })))
  }
}

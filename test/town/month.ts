import { base64url, hex } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { memoryStore } from '#eventstore/memory'
import { memoryRows } from '#eventstore/memory/rows'
import { intOf, textOf } from '#eventstore/rows'
import { kidOf } from '#license/keyset'
import { formatAmount, minorUnits } from '#money'
import { exceptions } from '#projections/exceptions'
import { makeAuthorityKeys } from '../../apps/back-office/authority.ts'
import type { BackOffice } from '../../apps/back-office/back-office.ts'
import { seededCrypto } from '../simulation/seeded-crypto.ts'
import { dice } from '../simulation/world.ts'
import { type Centres, type Order, startCentres, town } from './centres.ts'
import { oracle, type Signed } from './oracle.ts'
import { type Cast, day_ms, days, hour_ms, month_ms, type Person, peopleOf, type Scale, zones } from './people.ts'
import { type Cut, type Delivery, orThrow, placeTill, pockets, type Till } from './shops.ts'

/**
 * A month of a small town, lived once by the apps' own nodes on a seeded world. What it leaves is what a stranger would
 * find: the tills' logs, what was ordered at the centre and when, how far each till had come when; and an oracle that
 * watched.
 */

export type Step = { readonly at_ms: number } & (
  | { readonly order: Order }
  | { readonly delivery: Delivery }
  /** The hours up to here are struck, and everybody waits until all is judged. */
  | { readonly evening: true }
)
export type Month = Awaited<ReturnType<typeof liveMonth>>

/** A payment that a till showed as approved; `revision` is where its log stood then. */
type Approved = { readonly till: Till; readonly phone: string; readonly revision: number; readonly amount: bigint }
type GivenBack = Pick<Approved, 'till' | 'revision' | 'amount'> & { readonly transaction: string }

const by = 'operator:anna'
/** A license of a year, its late term, and a day. */
const termsEnd_ms = (365 + 90 + 1) * day_ms
/** The merchant who sells in francs, by place. */
const foreign = 4

/** Why an order was not obeyed; undefined where it was. */
export const refusalOf = (answer: unknown): string | undefined =>
  typeof answer === 'object' && answer !== null && isRefusal(answer) ? answer.reason : undefined

export const liveMonth = async (seed: string, scale: Scale, progress: (line: string) => void = () => {}) => {
  const chance = dice(`month of ${seed}`)
  const crypto = seededCrypto(dice(`keys of ${seed}`).octets)
  const clock = { at: month_ms - 2 * day_ms, now: () => clock.at }
  const keys = makeAuthorityKeys(crypto, clock.at / 1000)
  const store = memoryStore(() => new Date(clock.at).toISOString())
  const rows = memoryRows()
  const centres: Centres = await startCentres({ nodes: [{ store, rows }], look_ms: 0, crypto, keys, clock, seed })
  const money = oracle()

  /** How often each thing happened; a month in which nothing does proves nothing. */
  const counts: Record<string, number> = {}
  const count = (name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1
  }

  const steps: Step[] = []
  let orders = 0
  const order = async <Answer>(who: string, act: (node: BackOffice) => Promise<Answer>): Promise<Answer> => {
    const [at_ms, place] = [clock.at, orders++]
    const answer = await centres.order({ place, who, act })
    steps.push({ at_ms, order: { place, who, act, refused: refusalOf(answer) } })
    return answer
  }
  const deliveredTo = new Map<string, number>()
  const delivered = (delivery: Delivery): void => {
    if ((deliveredTo.get(delivery.terminal) ?? -1) >= delivery.to) return
    deliveredTo.set(delivery.terminal, delivery.to)
    steps.push({ at_ms: delivery.at_ms, delivery })
  }

  /* ---- the town is built */

  const merchants = Array.from({ length: Math.ceil(scale.shops / 3) }, (_, place) => `m-${place + 1}`)
  for (const [place, merchant] of merchants.entries()) {
    const [feeBasisPoints, taxBasisPoints] = [[90, 150, 235, 0][place % 4] as number, 2000]
    const terms = { feeBasisPoints, taxBasisPoints }
    // One of them sells in francs.
    const currency = place === foreign ? 'CHF' : 'EUR'
    orThrow(
      await order(town, node => node.openMerchant({ merchant, name: `Merchant ${merchant}`, currency, ...terms, by })),
    )
    money.terms(merchant, { fee: BigInt(feeBasisPoints), tax: BigInt(taxBasisPoints) })
  }
  const tills = new Map<string, Till>()
  const world = { clock, crypto, centres: () => centres, order, delivered }
  const place = async (id: string, shop: string, merchant: string, zone: string): Promise<void> => {
    tills.set(id, await placeTill(world, { id, shop, merchant, zone }))
    count('terminal enrolled')
  }
  for (let shopPlace = 0; shopPlace < scale.shops; shopPlace++) {
    const shop = `s-${shopPlace + 1}`
    const merchant = merchants[shopPlace % merchants.length] as string
    const [zone] = zones[shopPlace % zones.length] as (typeof zones)[number]
    orThrow(await order(town, node => node.openShop({ shop, merchant, name: `Shop ${shop}`, zone, by })))
    for (let at = shopPlace; at < scale.terminals; at += scale.shops) await place(`T-${at + 1}`, shop, merchant, zone)
  }
  const spare = `T-${scale.terminals + 1}`
  const people = peopleOf(seed, scale.phones)
  const pocket = pockets(world, tills, [...tills.keys(), spare])
  const phoneOf: string[] = []
  const licenseOf = new Map<string, string>()
  const accountOf = new Map<string, string>()
  const addPhone = async ({ account, currency, allowance }: Person): Promise<string | Refusal> => {
    const invitation = { account, currency, allowance: formatAmount(minorUnits(`${allowance}`), currency), by }
    const invited = orThrow(await order(account, node => node.invitePhone(invitation))) as { code: string }
    const added = await pocket.ofAccount(account).addPhone(invited.code)
    if (isRefusal(added)) return added
    const { id } = added as { id: string }
    const { license } = orThrow(pocket.phones.look(id)) as { license: { id: string } }
    licenseOf.set(id, license.id)
    accountOf.set(id, account)
    money.grants(license.id, account, currency, allowance)
    count('license issued')
    return id
  }
  for (const person of people) {
    const { account, limit, currency } = person
    if (!phoneOf.some((_, at) => people[at]?.account === account))
      orThrow(await order(account, node => node.openAccount({ account, limit: minorUnits(`${limit}`), currency, by })))
    phoneOf.push(orThrow(await addPhone(person)))
  }
  const greedy: Person = { ...(people[0] as Person), allowance: 199_999n }
  const refused = await addPhone(greedy)
  if (typeof refused !== 'string') count(`license refused: ${refused.reason}`)
  await centres.settle()
  progress(`${scale.phones} phones, ${tills.size} tills: ${store.events.length} events`)

  /* ---- what people do */

  const approved = new Map<string, Approved>()
  const givenBack: GivenBack[] = []
  const held = new Set<string>()
  const altered = new Set<string>()
  /** Payments whose terminal is gone, and of which the phone told. */
  const told = new Set<string>()
  const plan: { readonly at_ms: number; readonly place: number; readonly act: () => Promise<void> }[] = []
  let planned = 0
  let isSorted = false
  const at = (at_ms: number, act: () => Promise<void>): void => {
    plan.push({ at_ms, place: planned++, act })
    isSorted = false
  }
  const localHour = (till: Pick<Till, 'zone'>, day: number, hour: number): number =>
    month_ms + day * day_ms + (hour - (zones.find(([zone]) => zone === till.zone)?.[1] ?? 0)) * hour_ms

  const tap = async (phone: string, id: string, amount: bigint, lost?: Cut): Promise<string | undefined> => {
    const till = tills.get(id) as Till
    if (till.gone) return undefined
    count('tap')
    const sale = till.node.startSale(minorUnits(`${amount}`), till.node.status().currency)
    if (isRefusal(sale)) {
      count(`till refused: ${sale.reason}`)
      return undefined
    }
    await pocket.tap(phone, id, lost)
    let seen = till.node.saleOf(sale.sale)
    if (seen?.state === 'torn') {
      count('torn')
      if (chance.chance(75)) {
        count('torn, tapped again')
        await pocket.tap(phone, id)
        seen = till.node.saleOf(sale.sale)
      }
    }
    if (seen?.state === 'torn' || seen?.state === 'waiting') {
      orThrow(await till.node.cancelSale(sale.sale))
      count('cancelled')
      return undefined
    }
    if (seen?.state !== 'approved') {
      count(`declined: ${seen?.because?.reason}`)
      return undefined
    }
    count('approved')
    const transaction = seen.transaction as string
    approved.set(transaction, { till, phone, amount, revision: till.node.status().revision })
    if (altered.has(phone)) held.add(transaction)
    return transaction
  }

  const giveBack = async (transaction: string, kind: 'void' | 'refund', amount: bigint): Promise<void> => {
    const { till } = approved.get(transaction) as Approved
    if (till.gone) return
    const reversal = `r-${givenBack.length + 1}`
    const answer =
      kind === 'void'
        ? await till.node.voidTransaction(reversal, transaction)
        : await till.node.refundTransaction(reversal, transaction, minorUnits(`${amount}`))
    if (isRefusal(answer)) return count(`${kind} refused: ${answer.reason}`)
    count(kind === 'refund' && amount < (approved.get(transaction)?.amount ?? 0n) ? 'refund in part' : kind)
    givenBack.push({ till, transaction, amount, revision: till.node.status().revision })
  }

  /** At another till of the merchant, by the receipt that the customer kept. */
  const giveBackElsewhere = async (transaction: string, amount: bigint): Promise<void> => {
    const { till } = approved.get(transaction) as Approved
    const other = [...tills.values()].find(
      each => each.merchant === till.merchant && each !== till && !each.gone && each.node.till.day,
    )
    const recorded = till.node.recorded(transaction)
    if (!other || !recorded) return
    const read = other.node.paper.read(till.node.paper.receipt(recorded).code)
    if (isRefusal(read)) return count(`receipt refused: ${read.reason}`)
    const reversal = `r-${givenBack.length + 1}`
    const answer = await other.node.refundTransaction(reversal, transaction, minorUnits(`${amount}`), read)
    if (isRefusal(answer)) return count(`refund refused: ${answer.reason}`)
    count('refund at another till')
    givenBack.push({ till: other, transaction, amount, revision: other.node.status().revision })
  }

  /** An ordinary sale, and what may come after it. */
  const shopping = (phone: string, id: string, at_ms: number, amount: bigint): void =>
    at(at_ms, async () => {
      const lost = chance.chance(4) ? { exchange: 2 + chance.below(2), heard: chance.chance(50) } : undefined
      const transaction = await tap(phone, id, amount, lost)
      if (transaction === undefined || held.has(transaction)) return
      const lot = chance.below(100)
      if (lot < 3) await giveBack(transaction, 'void', amount)
      else if (lot < 6) {
        const back = chance.chance(50)
          ? () => giveBack(transaction, 'refund', amount)
          : () => giveBackElsewhere(transaction, amount)
        at(clock.at + (1 + chance.below(5)) * day_ms, back)
      } else if (lot < 10) {
        const part = 1n + (amount * BigInt(chance.below(90))) / 100n
        at(clock.at + (1 + chance.below(4)) * day_ms, () => giveBack(transaction, 'refund', part))
        at(clock.at + (2 + chance.below(6)) * day_ms, () => giveBack(transaction, 'refund', amount - part + 1n))
      }
    })

  const euros = (till: Till | undefined): boolean => till?.merchant !== merchants[foreign]
  const ids = [...tills.keys()].filter(id => euros(tills.get(id)))
  const francs = [...tills.keys()].filter(id => !euros(tills.get(id)))
  /** The till of this number, or the next that takes euros. */
  const euroTill = (number: number): string => (euros(tills.get(`T-${number}`)) ? `T-${number}` : `T-${number + 1}`)
  const openHour = (id: string, day: number): number =>
    localHour(tills.get(id) as Till, day, 8) + chance.below(13 * 3600) * 1000
  const phonesOf = (cast: Cast): string[] => phoneOf.filter((_, at) => people[at]?.cast === cast)

  /* ---- those whom a rule was made for */

  for (const phone of phonesOf('commuter'))
    for (let ride = 0; ride < 54; ride++)
      shopping(phone, 'T-1', localHour(tills.get('T-1') as Till, Math.floor(ride / 2), 8 + (ride % 2) * 9), 110n)
  for (const [place, phone] of phonesOf('spender').entries())
    for (let buy = 0; buy < 5; buy++)
      shopping(phone, euroTill(8 + 2 * buy), openHour(euroTill(8 + 2 * buy), 1 + place + buy), 13_000n)
  for (const [place, phone] of phonesOf('regular').entries())
    for (let buy = 0; buy < 4; buy++)
      shopping(phone, 'T-3', localHour(tills.get('T-3') as Till, 2 + place, 9 + buy * 3), 11_000n)
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
        localHour(tills.get('T-9') as Till, 3, 9 + buy * 5) + place * 60_000,
        9_900n + BigInt(chance.below(100)) * 50n,
      )
  at(localHour(tills.get('T-9') as Till, 3, 7), async () => void ((tills.get('T-9') as Till).online = false))
  at(localHour(tills.get('T-9') as Till, 4, 12), async () => void ((tills.get('T-9') as Till).online = true))

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
    shopping(phone, euroTill(1 + 2 * place), openHour(euroTill(1 + 2 * place), 7), 2_000n + BigInt(place))
  }

  /* ---- everybody else, for as many taps as the town is given */

  const renewed: string[] = []
  const others = phoneOf.filter((_, at) => people[at]?.cast === undefined)
  const other = (place: number): string => others[place % others.length] as string
  for (let taps = plan.length; taps < scale.taps; taps++) {
    const phone = other(taps)
    const id = chance.pick(ids)
    shopping(
      phone,
      id,
      openHour(id, chance.below(days)),
      BigInt(50 + chance.below(chance.pick([900, 900, 4000, 9000]))),
    )
  }

  /* ---- the shops' days, their way to the centre, and what befalls them */

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
        if (!till.gone) orThrow(await till.node.openDay())
      })
      for (const hour of [7, 14, 22.5]) at(localHour(till, day, hour) + chance.below(1800) * 1000, () => sync(till))
      at(localHour(till, day, 22), async () => {
        if (!till.gone) await closeDay(till)
      })
    }
  }
  for (const till of tills.values()) daily(till, 0)

  // One is away for two weeks, one burns and is replaced, one's clock is set back.
  const away = tills.get('T-7') as Till
  at(localHour(away, 8, 9), async () => void (away.online = false))
  at(localHour(away, 22, 9), async () => {
    away.online = true
    count('away for two weeks')
  })
  for (let sale = 0; sale < 4; sale++) shopping(other(200 + sale), 'T-7', localHour(away, 11, 10) + sale * 60_000, 800n)
  const burnt = tills.get('T-13') as Till
  at(localHour(burnt, 15, 8), async () => void (burnt.online = false))
  at(localHour(burnt, 15, 16), async () => {
    burnt.gone = true
    count('burnt')
  })
  at(localHour(burnt, 16, 5), async () => {
    await place(spare, burnt.shop, burnt.merchant, burnt.zone)
    orThrow(await order(town, node => node.declareTerminalLost({ terminal: 'T-13', reason: 'burnt', by })))
    count('terminal declared lost')
    daily(tills.get(spare) as Till, 16)
  })
  for (let day = 17; day < days; day += 2)
    for (let sale = 0; sale < 3; sale++)
      shopping(chance.pick(others), spare, localHour(burnt, day, 10 + sale), BigInt(200 + chance.below(900)))
  for (let sale = 0; sale < 4; sale++) shopping(other(100 + sale), 'T-13', localHour(burnt, 15, 9 + sale), 1_300n)
  // What only the phones still know of comes home with them.
  at(localHour(burnt, 19, 5), async () => {
    const missing = [...approved].filter(
      ([, { till, revision }]) => till === burnt && (deliveredTo.get(till.id) ?? -1) < revision,
    )
    // One of them is as lost as the till.
    for (const [transaction, { phone }] of missing.slice(1)) {
      orThrow(await pocket.ofAccount(accountOf.get(phone) as string).testify(phone))
      told.add(transaction)
      count('came home from a phone')
    }
  })

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
      await order(town, node => node.moveTerminal({ terminal: 'T-15', shop: 's-8', reason: 'a busier place', by })),
    )
    count('terminal moved')
  })
  const paused = tills.get('T-16') as Till
  at(localHour(paused, 20, 6.5), async () => {
    orThrow(await order(town, node => node.suspendTerminal({ terminal: 'T-16', reason: 'looked at', by })))
  })
  for (let sale = 0; sale < 4; sale++) shopping(chance.pick(others), 'T-16', localHour(paused, 20, 9 + sale), 700n)
  at(localHour(paused, 20, 23), async () => {
    orThrow(await order(town, node => node.reinstateTerminal({ terminal: 'T-16', reason: 'it is sound', by })))
    count('terminal suspended and reinstated')
  })
  // Keys follow each other; and the one that signed everybody's license is stolen on the last day but two.
  at(month_ms + 13 * day_ms, async () => {
    orThrow(await order(town, node => node.authority.rotateKey({ purpose: 'license', reason: 'a year is over', by })))
    count('key rotated')
  })
  at(month_ms + 28 * day_ms, async () => {
    const kid = hex(kidOf(crypto, keys.license.publicKey))
    orThrow(await order(town, node => node.authority.compromiseKey({ kid, reason: 'a disk was stolen', by })))
    count('key compromised')
  })
  const slow = tills.get('T-4') as Till
  for (let sale = 0; sale < 5; sale++)
    shopping(chance.pick(others), 'T-4', localHour(slow, 12, 9) + sale * 60_000, 500n)
  at(localHour(slow, 12, 9) + 90_000, async () => void (slow.skew_ms = -20 * 60_000))
  at(localHour(slow, 12, 10), async () => void (slow.skew_ms = 0))

  /* ---- the back office */

  const tourist = people.find(({ cast }) => cast === 'tourist') as Person
  for (let repaid = 0; repaid < 120; repaid++)
    at(month_ms + (9 + chance.below(20)) * day_ms + chance.below(86_400) * 1000, async () => {
      // Every twentieth of a tourist, in the other currency.
      const { account, currency } = repaid % 20 === 0 ? tourist : chance.pick(people)
      const amount = BigInt(1 + chance.below(6000))
      const repayment = { account, repayment: `repaid-${repaid}`, amount: minorUnits(`${amount}`), currency }
      const source = chance.pick(['bank', 'counter'])
      orThrow(await order(account, node => node.receiveRepayment({ ...repayment, source, by })))
      money.moves(`clearing:${source}`, `payer:${account}`, currency, amount)
      count(`repayment in ${currency}`)
    })
  // What was paid in by mistake goes back, what was paid in too much is paid out, what nobody pays is written off.
  const [mistaken, early, bad] = ['regular', 'over one payment', 'spender'].map(
    cast => people.find(each => each.cast === cast)?.account as string,
  ) as [string, string, string]
  const sum = (amount: bigint) => ({ amount: minorUnits(`${amount}`), currency: 'EUR' })
  at(month_ms + 20 * day_ms, async () => {
    const repayment = { account: mistaken, repayment: 'bounced', ...sum(700n), source: 'bank', by }
    orThrow(await order(mistaken, node => node.receiveRepayment(repayment)))
    const second = 'operator:ben'
    const back = { account: mistaken, proposal: 'back-1', repayment: 'bounced', reason: 'the bank took it back', by }
    orThrow(await order(mistaken, node => node.proposeReturn(back)))
    const backToo = { account: mistaken, proposal: 'back-1', by: second }
    orThrow(await order(mistaken, node => node.approveAccountOrder(backToo)))
    count('repayment returned')
    const paidEarly = { account: early, repayment: 'early', ...sum(5_000n), source: 'bank', by }
    orThrow(await order(early, node => node.receiveRepayment(paidEarly)))
    money.moves('clearing:bank', `payer:${early}`, 'EUR', 5_000n)
    const out = { account: early, payout: 'out-1', ...sum(2_000n), source: 'bank', reason: 'asked for', by }
    orThrow(await order(early, node => node.proposePayout(out)))
    const outToo = { account: early, proposal: 'out-1', by: second }
    orThrow(await order(early, node => node.approveAccountOrder(outToo)))
    money.moves(`payer:${early}`, 'clearing:bank', 'EUR', 2_000n)
    count('paid out')
  })
  at(month_ms + 27 * day_ms, async () => {
    await centres.settle()
    const writeOff = { account: bad, writeOff: 'off-1', ...sum(900n), reason: 'nobody pays it', by }
    orThrow(await order(bad, node => node.proposeWriteOff(writeOff)))
    const approval = { account: bad, writeOff: 'off-1', by: 'operator:ben' }
    orThrow(await order(bad, node => node.approveWriteOff(approval)))
    money.moves('losses', `payer:${bad}`, 'EUR', 900n)
    count('debt written off')
    const lines = [
      { account: 'losses', side: 'debit' as const, amount: '350', currency: 'EUR' },
      { account: 'merchant:m-1', side: 'credit' as const, amount: '350', currency: 'EUR' },
    ]
    const proposal = { adjustment: 'adjusted-1', lines, reason: 'goodwill', by }
    orThrow(await order(town, node => node.proposeAdjustment(proposal)))
    const second = { adjustment: 'adjusted-1', by: 'operator:ben' }
    orThrow(await order(town, node => node.approveAdjustment(second)))
    money.moves('losses', 'merchant:m-1', 'EUR', 350n)
    count('adjustment')
  })
  // The holders of some go online, and come back with another license, signed by the key that followed.
  for (let renewal = 0; renewal < 25; renewal++) {
    const phone = other(300 + renewal)
    at(month_ms + 15 * day_ms + renewal * 60_000, async () => {
      const account = accountOf.get(phone) as string
      if (isRefusal(await pocket.ofAccount(account).renew(phone))) return count('renewal refused')
      const { license } = orThrow(pocket.phones.look(phone)) as { license: { id: string } }
      const amount = people[phoneOf.indexOf(phone)]?.allowance as bigint
      money.grants(license.id, account, 'EUR', amount)
      renewed.push(license.id)
      count('license renewed')
    })
    shopping(phone, euroTill(1 + renewal), openHour(euroTill(1 + renewal), 29), 450n)
  }
  const stopped = people.findLast(({ cast }) => cast === undefined)?.account as string
  at(month_ms + 16 * day_ms, async () => {
    orThrow(await order(stopped, node => node.suspendAccount({ account: stopped, reason: 'looked at', by })))
  })
  at(month_ms + 18 * day_ms, async () => {
    orThrow(await order(stopped, node => node.reinstateAccount({ account: stopped, reason: 'all is well', by })))
    count('account suspended and reinstated')
  })
  at(month_ms + 25 * day_ms + 12 * hour_ms, async () => {
    const bearers = ['payer', 'merchant', 'operator', undefined] as const
    await centres.settle()
    const decidable = paymentsSeen().filter(({ transaction }) => held.has(transaction))
    for (const [place, { payment }] of decidable.entries()) {
      const bears = bearers[place % bearers.length]
      if (bears === undefined) continue
      const decision = { payment, proposal: `decision-${place}`, bears, reason: 'looked at', by }
      const approval = { payment, proposal: decision.proposal, by: 'operator:ben' }
      orThrow(await order(payment, node => node.proposeDecision(decision)))
      orThrow(await order(payment, node => node.approveProposal(approval)))
      money.decides(payment, bears)
      count(`held, ${bears} bears it`)
    }
  })
  for (let day = -1; day <= days + 1; day++)
    at(month_ms + day * day_ms, async () => {
      steps.push({ at_ms: clock.at, evening: true })
      await centres.settle()
      if (day % 10 === 9) progress(`day ${day}: ${counts['tap']} taps, ${store.events.length} events`)
    })

  /** What phones' memories hold that a till showed as approved, and whose log came home. */
  const paymentsSeen = (): (Signed & { readonly transaction: string })[] =>
    pocket.memories().flatMap(({ phone, account, payments }) =>
      payments.flatMap(({ payment, transaction, amount, currency }) => {
        const seen = approved.get(transaction)
        if (!seen) return []
        const { till, revision } = seen
        const { merchant } = till
        const license = licenseOf.get(phone) as string
        const home = (deliveredTo.get(till.id) ?? -1) >= revision || told.has(transaction)
        return home ? [{ payment, transaction, account, license, merchant, currency, amount: BigInt(amount) }] : []
      }),
    )

  // The plan grows while it is lived.
  while (plan.length > 0) {
    if (!isSorted) plan.sort((a, b) => b.at_ms - a.at_ms || b.place - a.place)
    isSorted = true
    const next = plan.pop() as (typeof plan)[number]
    clock.at = Math.max(clock.at, next.at_ms)
    await next.act()
  }

  /* ---- the last lorry */

  clock.at = month_ms + (days + 2) * day_ms
  for (const till of tills.values()) {
    till.skew_ms = 0
    till.online = true
    await sync(till)
  }
  steps.push({ at_ms: clock.at, evening: true })
  await centres.settle()

  const taken = paymentsSeen()
  const end_ms = clock.at

  // All terms run out: nothing is held for anybody any more.
  clock.at += termsEnd_ms
  steps.push({ at_ms: clock.at, evening: true })
  await centres.settle()
  for (const license of [...licenseOf.values(), ...renewed]) money.releases(license)
  count('all terms over')

  for (const signed of taken) {
    if (held.has(signed.transaction)) money.isHeld(signed)
    else money.pays(signed)
  }
  for (const { till, transaction, amount, revision } of givenBack) {
    if ((deliveredTo.get(till.id) ?? -1) < revision) continue
    const signed = taken.find(each => each.transaction === transaction)
    if (signed) money.givesBack(signed.payment, amount)
  }
  const lostWith = [...approved].filter(
    ([transaction, { till, revision }]) => (deliveredTo.get(till.id) ?? -1) < revision && !told.has(transaction),
  )
  counts['lost with the burnt terminal'] = lostWith.length
  for (const row of await rows.sums(exceptions, 'exception', { column: 'amount', by: ['kind'] }))
    counts[`exception: ${textOf(row, 'kind')}`] = Number(intOf(row, 'count'))
  return { seed, scale, keys, crypto, clock, steps, tills, store, rows, centres, counts, money, end_ms }
}

import { isRefusal, type Refusal } from '#canonical/decider'
import { memoryStore } from '#eventstore/memory'
import { memoryRows } from '#eventstore/memory/rows'
import { formatAmount, minorUnits } from '#money'
import { makeAuthorityKeys } from '../../apps/back-office/authority.ts'
import type { BackOffice } from '../../apps/back-office/back-office.ts'
import { seededCrypto } from '../simulation/seeded-crypto.ts'
import { dice } from '../simulation/world.ts'
import { type Centres, type Order, startCentres, town } from './centres.ts'
import { oracle, type Signed } from './oracle.ts'
import { type Cast, day_ms, hour_ms, month_ms, type Person, peopleOf, type Scale, zones } from './people.ts'
import { type Delivery, orThrow, placeTill, pockets, type Till } from './shops.ts'

/** The town as it stands before the month begins: its centre, its shops and tills, its people; and what is planned. */
export type Town = Awaited<ReturnType<typeof foundTown>>

export type Step = { readonly at_ms: number } & (
  | { readonly order: Order }
  | { readonly delivery: Delivery }
  /** The hours up to here are struck, and everybody waits until all is judged. */
  | { readonly evening: true }
)

/** A payment that a till showed as approved; `revision` is where its log stood then. */
export type Approved = {
  readonly till: Till
  readonly phone: string
  readonly revision: number
  readonly amount: bigint
}
type GivenBack = Pick<Approved, 'till' | 'revision' | 'amount'> & {
  readonly reversal: string
  readonly transaction: string
}

export const by = 'operator:anna'
export const second = 'operator:ben'
/** The merchant who sells in francs, by place. */
const foreign = 4

/** Why an order was not obeyed; undefined where it was. */
export const refusalOf = (answer: unknown): string | undefined =>
  typeof answer === 'object' && answer !== null && isRefusal(answer) ? answer.reason : undefined

export const foundTown = async (seed: string, scale: Scale) => {
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

  const approved = new Map<string, Approved>()
  const givenBack: GivenBack[] = []
  /** Payments whose check fails that the payer's signature does not heal, and the phones that make such. */
  const held = new Set<string>()
  const altered = new Set<string>()
  /** Payments whose terminal is gone, and of which the phone told. */
  const told = new Set<string>()

  /** What will be done when; it grows while it is lived. */
  const plan: { readonly at_ms: number; readonly place: number; readonly act: () => Promise<void> }[] = []
  let planned = 0
  let isSorted = false
  const at = (at_ms: number, act: () => Promise<void>): void => {
    plan.push({ at_ms, place: planned++, act })
    isSorted = false
  }
  const live = async (): Promise<void> => {
    while (plan.length > 0) {
      if (!isSorted) plan.sort((a, b) => b.at_ms - a.at_ms || b.place - a.place)
      isSorted = true
      const next = plan.pop() as (typeof plan)[number]
      clock.at = Math.max(clock.at, next.at_ms)
      await next.act()
    }
  }
  /** What has come is judged, before anybody goes on. */
  const evening = async (): Promise<void> => {
    steps.push({ at_ms: clock.at, evening: true })
    await centres.settle()
  }

  const localHour = (till: Pick<Till, 'zone'>, day: number, hour: number): number =>
    month_ms + day * day_ms + (hour - (zones.find(([zone]) => zone === till.zone)?.[1] ?? 0)) * hour_ms

  const euros = (till: Till | undefined): boolean => till?.merchant !== merchants[foreign]
  const ids = [...tills.keys()].filter(id => euros(tills.get(id)))
  const francs = [...tills.keys()].filter(id => !euros(tills.get(id)))
  /** The till of this number, or the next that takes euros. */
  const euroTill = (number: number): string => (euros(tills.get(`T-${number}`)) ? `T-${number}` : `T-${number + 1}`)
  const openHour = (id: string, day: number): number =>
    localHour(tills.get(id) as Till, day, 8) + chance.below(13 * 3600) * 1000
  const phonesOf = (cast: Cast): string[] => phoneOf.filter((_, at) => people[at]?.cast === cast)

  const others = phoneOf.filter((_, at) => people[at]?.cast === undefined)
  const other = (place: number): string => others[place % others.length] as string
  const till = (id: string): Till => tills.get(id) as Till
  const isHome = (id: string, revision: number): boolean => (deliveredTo.get(id) ?? -1) >= revision

  /** What phones' memories hold that a till showed as approved, and whose log came home. */
  const paymentsSeen = (): (Signed & { readonly transaction: string })[] =>
    pocket.memories().flatMap(({ phone, account, payments }) =>
      payments.flatMap(({ payment, transaction, amount, currency }) => {
        const seen = approved.get(transaction)
        if (!seen) return []
        const { till, revision } = seen
        const { merchant } = till
        const license = licenseOf.get(phone) as string
        const home = isHome(till.id, revision) || told.has(transaction)
        return home ? [{ payment, transaction, account, license, merchant, currency, amount: BigInt(amount) }] : []
      }),
    )

  return {
    seed,
    scale,
    chance,
    crypto,
    clock,
    keys,
    store,
    rows,
    centres,
    money,
    counts,
    count,
    steps,
    order,
    merchants,
    tills,
    till,
    place,
    spare,
    people,
    pocket,
    phoneOf,
    phonesOf,
    licenseOf,
    accountOf,
    others,
    other,
    approved,
    givenBack,
    held,
    altered,
    told,
    isHome,
    paymentsSeen,
    at,
    live,
    evening,
    plannedCount: () => plan.length,
    localHour,
    openHour,
    ids,
    francs,
    euroTill,
  }
}

import { run } from '#cqrs/run'
import { readStream } from '#eventstore'
import { shop as shopDecider, shopWords } from '#settlement/shop'
import type { Office, Settled } from './office.ts'

/** A merchant's shops: opened under its terms, named, and each in a zone in which its days turn. */
export const shops = ({ store, runner, mint, actOf }: Office, settled: Settled) => {
  const openShop = async (asked: {
    readonly shop?: string | undefined
    readonly merchant: string
    readonly name: string
    readonly zone: string
    readonly by: string
  }) => {
    const shop = asked.shop ?? mint()
    const { merchant, name, zone, by } = asked
    const known = await readStream(store, `merchant-${merchant}`)
    // A sale without terms would have no fee that anybody agreed to.
    if (!known.some(({ type }) => type === 'MerchantTermsSet'))
      return {
        reason: 'MerchantUnknown',
        message: `No merchant ${merchant} was opened with its terms: open it first.`,
        merchant,
      }
    const open = { type: 'OpenShop' as const, shop, merchant, name, zone, isZone: isZone(zone) }
    return settled(await run(runner, shopDecider, shopWords, `shop-${shop}`, open, actOf(by)), { shop })
  }

  const renameShop = async ({
    shop,
    name,
    by,
  }: {
    readonly shop: string
    readonly name: string
    readonly by: string
  }) =>
    settled(await run(runner, shopDecider, shopWords, `shop-${shop}`, { type: 'RenameShop', shop, name }, actOf(by)), {
      shop,
      name,
    })

  const setZone = async ({ shop, zone, by }: { readonly shop: string; readonly zone: string; readonly by: string }) => {
    const set = { type: 'SetZone' as const, shop, zone, isZone: isZone(zone) }
    return settled(await run(runner, shopDecider, shopWords, `shop-${shop}`, set, actOf(by)), { shop, zone })
  }

  return { openShop, renameShop, setZone }
}

/** An offset such as `+02:00` turns no day on the date on which clocks are changed: only a place will do. */
const isZone = (zone: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return /^[A-Za-z]/.test(zone)
  } catch {
    return false
  }
}

import { type Projection, put, type RowsReader, textOf } from '#eventstore/rows'
import { understood } from '#ledger/vocabulary'
import { shopWords } from '#settlement/shop'

/** Each shop: whose it is, what it is called, and the zone in which its days turn. */

const types: ReadonlySet<string> = new Set(Object.keys(shopWords))
const putShop = put('shop', 'shop')

export const shops: Projection = {
  name: 'shops',
  version: 1,
  tables: [
    {
      name: 'shop',
      key: ['shop'],
      columns: { shop: 'text', merchant: 'text', name: 'text', zone: 'text' },
      indexes: [['merchant']],
    },
  ],
  wants: type => types.has(type),
  apply: (logged, look) => {
    const event = understood(logged)
    if (!event) return []
    switch (event.type) {
      case 'ShopOpened': {
        const { shop, merchant, name, zone } = event.data
        return [putShop({ shop, merchant, name, zone })]
      }
      case 'ShopRenamed':
      case 'ZoneSet': {
        const { shop, salt: _, ...changed } = event.data as { shop: string; salt?: string } & Record<string, string>
        const row = look('shop', [shop])
        return row ? [putShop({ ...row, ...changed })] : []
      }
      default:
        return []
    }
  },
}

/* -------------------------------------------------------------- questions */

export type ShopAnswer = {
  readonly shop: string
  readonly merchant: string
  readonly name: string
  readonly zone: string
}

export const shopsIndex = async (rows: RowsReader): Promise<number> => (await rows.checkpoint(shops)) - 1

export const shopList = async (
  rows: RowsReader,
): Promise<{ readonly shops: ShopAnswer[]; readonly index: number }> => ({
  shops: (await rows.select(shops, 'shop')).map(row => ({
    shop: textOf(row, 'shop'),
    merchant: textOf(row, 'merchant'),
    name: textOf(row, 'name'),
    zone: textOf(row, 'zone'),
  })),
  index: await shopsIndex(rows),
})

import { merchant, merchantWords } from '#settlement/merchant'
import { shop, shopWords } from '#settlement/shop'
import { matrix } from '../matrix.ts'

const openMerchant = { type: 'OpenMerchant', merchant: 'm-1', name: 'Bakery', currency: 'EUR' } as const
const terms = {
  type: 'SetMerchantTerms',
  merchant: 'm-1',
  feeBasisPoints: 150,
  taxBasisPoints: 2000,
  returnsFee: true,
} as const

matrix('a merchant', merchant, merchantWords, {
  states: { nothing: [], opened: [openMerchant], 'with terms': [openMerchant, terms] },
  commands: {
    OpenMerchant: { open: openMerchant, 'open otherwise': { ...openMerchant, currency: 'CHF' } },
    SetMerchantTerms: {
      terms,
      'other terms': { ...terms, feeBasisPoints: 90 },
      'a fee over all': { ...terms, feeBasisPoints: 10_001 },
      'a tax in halves': { ...terms, taxBasisPoints: 0.5 },
    },
  },
  refusals: { MerchantUnknown: true, MerchantExists: true, TermsOutOfRange: true },
  rows: `
    nothing    | open            | MerchantOpened
               | terms           | refused MerchantUnknown
    opened     | open            | already so
               | open otherwise  | refused MerchantExists
               | terms           | MerchantTermsSet
               | a fee over all  | refused TermsOutOfRange
               | a tax in halves | refused TermsOutOfRange
    with terms | open            | already so
               | terms           | already so
               | other terms     | MerchantTermsSet
  `,
})

const openShop = { type: 'OpenShop', shop: 's-1', merchant: 'm-1', name: 'Main Street', zone: 'Europe/Vienna' } as const
const assign = { type: 'AssignTerminal', shop: 's-1', terminal: 'T-1' } as const

matrix('a shop', shop, shopWords, {
  states: { nothing: [], opened: [openShop], 'with T-1': [openShop, assign] },
  commands: {
    OpenShop: { open: openShop, 'open in another zone': { ...openShop, zone: 'Europe/Lisbon' } },
    AssignTerminal: { 'assign T-1': assign, 'assign T-2': { ...assign, terminal: 'T-2' } },
  },
  refusals: { ShopUnknown: true, ShopExists: true },
  rows: `
    nothing  | open                 | ShopOpened
             | assign T-1           | refused ShopUnknown
    opened   | open                 | already so
             | open in another zone | refused ShopExists
             | assign T-1           | TerminalAssigned
    with T-1 | open                 | already so
             | assign T-1           | already so
             | assign T-2           | TerminalAssigned
  `,
})

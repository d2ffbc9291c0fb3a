import { amount } from '#money'
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

const payIn = {
  type: 'PayIn',
  merchant: 'm-1',
  paidIn: 'i-1',
  amount: amount(500n),
  currency: 'EUR',
  source: 'bank',
} as const

matrix('a merchant', merchant, merchantWords, {
  states: {
    nothing: [],
    opened: [openMerchant],
    'with terms': [openMerchant, terms],
    'paid in': [openMerchant, terms, payIn],
  },
  commands: {
    OpenMerchant: { open: openMerchant, 'open otherwise': { ...openMerchant, currency: 'CHF' } },
    SetMerchantTerms: {
      terms,
      'other terms': { ...terms, feeBasisPoints: 90 },
      'a fee over all': { ...terms, feeBasisPoints: 10_001 },
      'a tax in halves': { ...terms, taxBasisPoints: 0.5 },
      'a week to make good': { ...terms, owesAfterDays: 7 },
      'a day less than none': { ...terms, owesAfterDays: -1 },
    },
    PayIn: {
      'pay in': payIn,
      'pay in other': { ...payIn, amount: amount(501n) },
      'pay in nothing': { ...payIn, paidIn: 'i-2', amount: amount(0n) },
      'pay in francs': { ...payIn, paidIn: 'i-2', currency: 'CHF' },
    },
  },
  refusals: {
    MerchantUnknown: true,
    MerchantExists: true,
    TermsOutOfRange: true,
    CurrencyMismatch: true,
    PaidInEmpty: true,
    PaidInDiffers: true,
  },
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
               | a week to make good | MerchantTermsSet
               | a day less than none | refused TermsOutOfRange
               | pay in          | MerchantPaidIn
               | pay in nothing  | refused PaidInEmpty
               | pay in francs   | refused CurrencyMismatch
    paid in    | pay in          | already so
               | pay in other    | refused PaidInDiffers
    nothing    | pay in          | refused MerchantUnknown
  `,
})

const openShop = {
  type: 'OpenShop',
  shop: 's-1',
  merchant: 'm-1',
  name: 'Main Street',
  zone: 'Europe/Vienna',
  isZone: true,
} as const
const rename = { type: 'RenameShop', shop: 's-1', name: 'Old Street' } as const
const setZone = { type: 'SetZone', shop: 's-1', zone: 'Europe/Lisbon', isZone: true } as const
const nowhere = { zone: 'Europe/Atlantis', isZone: false }
const assign = { type: 'AssignTerminal', shop: 's-1', terminal: 'T-1' } as const

matrix('a shop', shop, shopWords, {
  states: {
    nothing: [],
    opened: [openShop],
    'with T-1': [openShop, assign],
    'left by T-1': [openShop, assign, { ...assign, type: 'UnassignTerminal' }],
    'named and set anew': [openShop, rename, setZone],
  },
  commands: {
    OpenShop: {
      open: openShop,
      'open in another zone': { ...openShop, zone: 'Europe/Lisbon' },
      'open nowhere': { ...openShop, ...nowhere },
    },
    RenameShop: { rename },
    SetZone: { 'set the zone': setZone, 'set no zone': { ...setZone, ...nowhere } },
    AssignTerminal: { 'assign T-1': assign, 'assign T-2': { ...assign, terminal: 'T-2' } },
    UnassignTerminal: { 'let T-1 go': { ...assign, type: 'UnassignTerminal' } },
  },
  refusals: { ShopUnknown: true, ShopExists: true, ZoneUnknown: true },
  rows: `
    nothing  | open                 | ShopOpened
             | open nowhere         | refused ZoneUnknown
             | assign T-1           | refused ShopUnknown
             | let T-1 go           | refused ShopUnknown
             | rename               | refused ShopUnknown
             | set the zone         | refused ShopUnknown
    opened   | open                 | already so
             | open in another zone | refused ShopExists
             | assign T-1           | TerminalAssigned
             | let T-1 go           | already so
             | rename               | ShopRenamed
             | set the zone         | ZoneSet
             | set no zone          | refused ZoneUnknown
    with T-1 | open                 | already so
             | assign T-1           | already so
             | assign T-2           | TerminalAssigned
             | let T-1 go           | TerminalUnassigned
    left by T-1 | let T-1 go        | already so
             | assign T-1           | TerminalAssigned
    named and set anew | rename     | already so
             | set the zone         | already so
             | open                 | already so
  `,
})

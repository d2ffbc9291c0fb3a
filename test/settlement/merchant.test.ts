import { describe, it } from 'vitest'
import { type MerchantEvent, merchant, merchantWords } from '#settlement/merchant'
import { type ShopEvent, shop, shopWords } from '#settlement/shop'
import { deciding, refused } from '../given.ts'

describe('a merchant', () => {
  const given = deciding(merchant, merchantWords)
  const open = { type: 'OpenMerchant', merchant: 'm-1', name: 'Bakery', currency: 'EUR' } as const
  const opened: MerchantEvent = { type: 'MerchantOpened', data: { merchant: 'm-1', name: 'Bakery', currency: 'EUR' } }
  const rates = { feeBasisPoints: 150, taxBasisPoints: 2000, returnsFee: true }
  const setTerms = { type: 'SetMerchantTerms', merchant: 'm-1', ...rates } as const
  const termsSet = (version: number): MerchantEvent => ({
    type: 'MerchantTermsSet',
    data: { merchant: 'm-1', version, ...rates },
  })

  it('is opened', () => given().when(open).then(opened))
  it('is opened once', () => given(opened).when(open).then())
  it('another name needs another id', () =>
    given(opened)
      .when({ ...open, name: 'Butcher' })
      .then(refused('MerchantExists', { merchant: 'm-1' })))
  it('gets terms with a version', () => given(opened).when(setTerms).then(termsSet(1)))
  it('the same terms are no new version', () => given(opened, termsSet(1)).when(setTerms).then())
  it('other terms are the next version', () =>
    given(opened, termsSet(1))
      .when({ ...setTerms, returnsFee: false })
      .then({ type: 'MerchantTermsSet', data: { merchant: 'm-1', version: 2, ...rates, returnsFee: false } }))
  it('keeps its days below zero where other terms say none', () => {
    const patient: MerchantEvent = {
      type: 'MerchantTermsSet',
      data: { merchant: 'm-1', version: 1, ...rates, owesAfterDays: 30 },
    }
    const data = { merchant: 'm-1', version: 2, ...rates, returnsFee: false, owesAfterDays: 30 }
    given(opened, patient).when(setTerms).then()
    given(opened, patient)
      .when({ ...setTerms, returnsFee: false })
      .then({ type: 'MerchantTermsSet', data })
  })
  it('gets none before it is opened', () => given().when(setTerms).then(refused('MerchantUnknown')))
  it.each([-1, 10_001, 1.5])('a fee of %s parts of ten thousand is refused', feeBasisPoints =>
    given(opened)
      .when({ ...setTerms, feeBasisPoints })
      .then(refused('TermsOutOfRange', { feeBasisPoints })),
  )
})

describe('a shop', () => {
  const given = deciding(shop, shopWords)
  const facts = { shop: 's-1', merchant: 'm-1', name: 'Main Street', zone: 'Europe/Vienna' }
  const open = { type: 'OpenShop', ...facts, isZone: true } as const
  const opened: ShopEvent = { type: 'ShopOpened', data: facts }
  const assign = { type: 'AssignTerminal', shop: 's-1', terminal: 'T-1' } as const
  const assigned: ShopEvent = { type: 'TerminalAssigned', data: { shop: 's-1', terminal: 'T-1' } }

  it('is opened', () => given().when(open).then(opened))
  it('is opened once', () => given(opened).when(open).then())
  it('of another merchant needs another id', () =>
    given(opened)
      .when({ ...open, merchant: 'm-2' })
      .then(refused('ShopExists', { shop: 's-1' })))
  it('gets a terminal', () => given(opened).when(assign).then(assigned))
  it('gets it once', () => given(opened, assigned).when(assign).then())
  it('gets none before it is opened', () => given().when(assign).then(refused('ShopUnknown')))

  const leave = { ...assign, type: 'UnassignTerminal' } as const
  const left: ShopEvent = { type: 'TerminalUnassigned', data: assigned.data }
  it('sees one leave', () => given(opened, assigned).when(leave).then(left))
  it('once', () => given(opened, assigned, left).when(leave).then())
  it('and come back', () => given(opened, assigned, left).when(assign).then(assigned))

  const rename = { type: 'RenameShop', shop: 's-1', name: 'Old Street' } as const
  const renamed: ShopEvent = { type: 'ShopRenamed', data: { shop: 's-1', name: 'Old Street' } }
  it('is renamed', () => given(opened).when(rename).then(renamed))
  it('to the name that it bears', () => given(opened, renamed).when(rename).then())
  it('not before it is opened', () => given().when(rename).then(refused('ShopUnknown')))

  const setZone = { type: 'SetZone', shop: 's-1', zone: 'Europe/Lisbon', isZone: true } as const
  const zoneSet: ShopEvent = { type: 'ZoneSet', data: { shop: 's-1', zone: 'Europe/Lisbon' } }
  it('turns its days in another zone', () => given(opened).when(setZone).then(zoneSet))
  it('which it does already', () => given(opened, zoneSet).when(setZone).then())
  it('not in one that nobody knows', () => {
    const nowhere = { zone: 'Europe/Atlantis', isZone: false }
    given(opened)
      .when({ ...setZone, ...nowhere })
      .then(refused('ZoneUnknown', { zone: 'Europe/Atlantis' }))
    given()
      .when({ ...open, ...nowhere })
      .then(refused('ZoneUnknown'))
  })
  it('opened again in its first words, is open, whatever it is called since', () =>
    given(opened, renamed, zoneSet).when(open).then())
})

import { afterAll, beforeAll, expect, it } from 'vitest'
import { fromBase64url } from '#canonical/bytes'
import { trustEvent } from '#canonical/event'
import { readDenyList, readPolicy } from '#license/rules'
import { minorUnits } from '#money'
import { licenseOf } from '#tap/phone'
import { enrolWith } from '../../apps/terminal/enrol.ts'
import { makeWorld, orThrow, type World } from '../simulation/world.ts'

/** The rules of a centre, and how they reach its terminals. */

let world: World
beforeAll(async () => {
  world = await makeWorld({ seed: 'rulebook', terminals: 2 })
})
afterAll(() => world.end())

const by = 'operator:test'
const license = () => licenseOf([...world.disk.values()][0] as never)
const decreed = (type: string) =>
  world.log.events.map(({ text }) => trustEvent(text)).filter(event => event.type === type)
const tapOf = async (id: string) => {
  const sale = orThrow(await world.key(100n, id)) as { readonly id?: string }
  await world.tap('anna', id)
  return sale
}
const newestList = () => decreed('DenyListChanged').at(-1)?.data as { readonly document: string }
const lastOf = (id: string) =>
  world.shops
    .get(id)
    ?.store.events.map(({ text }) => trustEvent(text))
    .at(-1)

it('a license that is denied is refused at every terminal that synced since', async () => {
  const { id } = license()
  const denied = orThrow(await world.centre().deny({ licenses: [id] }, by, 'the phone was lost'))
  expect(denied).toMatchObject({ version: 2, licenses: 1, added: { licenses: [id], cards: [] } })
  expect(decreed('DenyListChanged').at(-1)).toMatchObject({ by, data: { version: 2, reason: 'the phone was lost' } })
  await world.till('T-1').syncNow()
  await tapOf('T-1')
  expect(lastOf('T-1')).toMatchObject({ type: 'TransactionDeclined', data: { reason: 'LicenseDenied' } })
  // A terminal that did not hear of it cannot know.
  await tapOf('T-2')
  expect(lastOf('T-2')).toMatchObject({ type: 'TransactionRecorded' })
})

it('denied twice, or by two at once, is denied once and loses nobody', async () => {
  const { id, card } = license()
  const before = decreed('DenyListChanged').length
  expect(orThrow(await world.centre().deny({ licenses: [id] }, by))).toMatchObject({
    version: 2,
    added: { licenses: [], cards: [] },
  })
  expect(decreed('DenyListChanged')).toHaveLength(before)
  const cards = ['9000000000000000001', '9000000000000000002', card]
  await Promise.all(cards.map(each => world.centre().deny({ cards: [each] }, by)))
  const { document } = newestList()
  expect(readDenyList(fromBase64url(document))).toMatchObject({ version: 5, licenses: [id], cards: cards.toSorted() })
})

it('what is taken off the list pays again', async () => {
  const { id, card } = license()
  const after = orThrow(await world.centre().undeny({ licenses: [id], cards: [card] }, by, 'it was found'))
  expect(after).toMatchObject({ version: 6, licenses: 0, cards: 2, removed: { licenses: [id], cards: [card] } })
  await world.till('T-1').syncNow()
  await tapOf('T-1')
  expect(lastOf('T-1')).toMatchObject({ type: 'TransactionRecorded' })
})

it('what no terminal could read is not put on it', async () => {
  for (const entries of [{ licenses: ['anna'] }, { cards: ['12'] }, { cards: ['9000 0000 0000 0000'] }])
    expect(await world.centre().deny(entries, by)).toMatchObject({ reason: 'DenyEntryInvalid' })
})

it("a terminal works under the policy of its merchant's currency", async () => {
  const node = world.centre()
  const terms = { feeBasisPoints: 100, taxBasisPoints: 0, by }
  orThrow(await node.openMerchant({ merchant: 'm-yen', name: 'Yen', currency: 'JPY', ...terms }))
  orThrow(await node.openShop({ shop: 's-yen', merchant: 'm-yen', name: 'Yen', zone: 'Asia/Tokyo', by }))
  const { code } = orThrow(await node.inviteTerminal({ terminal: 'T-yen', shop: 's-yen', by })) as { code: string }
  const { rules, identity } = await enrolWith(world.crypto, code, node.fingerprint, request => node.enrol(request))
  const policy = readPolicy(fromBase64url(rules.policy))
  expect(policy).toMatchObject({ currency: 'JPY', perTransaction: minorUnits('150') })
  const held = orThrow(await node.rulesFor('T-yen', world.requestOf('T-yen', 'rules', identity))) as { policy: string }
  expect(held.policy).toBe(rules.policy)
  const other = orThrow(await node.rulesFor('T-1', world.requestOf('T-1', 'rules'))) as { policy: string }
  expect(readPolicy(fromBase64url(other.policy))).toMatchObject({ currency: 'EUR' })
})

it('another node of the same log says the same rules, and takes a change of this one', async () => {
  await world.restartCentre()
  const before = orThrow(await world.centre().rulesFor('T-1', world.requestOf('T-1', 'rules'))) as { denyList: string }
  expect(before.denyList).toBe(newestList().document)
})

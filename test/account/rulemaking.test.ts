import { describe, expect, it } from 'vitest'
import { decreeWords } from '#account/decrees'
import { nextVersion, type RulemakingEvent, rulemaking } from '#account/rulemaking'
import { deciding, refused } from '../given.ts'

const given = deciding(rulemaking, decreeWords)

const hashOf = (text: string): string => Buffer.from(text).toString('hex').padEnd(64, '0').slice(0, 64)
const signed = (version: number, text = `v${version}`) => ({ version, hash: hashOf(text), document: 'hEOh' })
type Entries = { licenses: string[]; cards: string[] }
const none: Entries = { licenses: [], cards: [] }

const publish = (version: number, currency = 'EUR', text?: string) =>
  ({ type: 'PublishPolicy', currency, ...signed(version, text) }) as const
const published = (version: number, currency = 'EUR', text?: string): RulemakingEvent => ({
  type: 'PolicyPublished',
  data: { currency, ...signed(version, text) },
})
const licenses = (...names: string[]): Entries => ({ licenses: names, cards: [] })
const deny = (version: number, added = none, removed = none) =>
  ({ type: 'ChangeDenyList', ...signed(version), added, removed }) as const
const denied = (version: number, added = none, removed = none) =>
  ({ type: 'DenyListChanged', data: { ...signed(version), added, removed } }) as RulemakingEvent
const fares = (version: number, merchant = 'm-1') =>
  ({ type: 'PublishFareTable', merchant, currency: 'EUR', ...signed(version, `${merchant} ${version}`) }) as const
const faresPublished = (version: number, merchant = 'm-1'): RulemakingEvent => ({
  type: 'FareTablePublished',
  data: { merchant, currency: 'EUR', ...signed(version, `${merchant} ${version}`) },
})

describe('a policy', () => {
  it('is published', () => given().when(publish(1)).then(published(1)))
  it('says why, if somebody gave a reason', () =>
    given()
      .when({ ...publish(1), reason: 'a lower limit for the fair' })
      .then({ type: 'PolicyPublished', data: { currency: 'EUR', ...signed(1), reason: 'a lower limit for the fair' } }))
  it('the same again is published once', () => given(published(1)).when(publish(1)).then())
  it('bears the version that comes next', () => given(published(1)).when(publish(2)).then(published(2)))
  it.each([1, 3])('and not version %i', version =>
    given(published(1))
      .when(publish(version, 'EUR', 'other'))
      .then(refused('VersionTaken', { version, next: 2 })),
  )
  it('of another currency counts on, so that a terminal that moves meets no lower version', () =>
    given(published(1))
      .when(publish(1, 'CHF', 'chf'))
      .then(refused('VersionTaken', { next: 2 })))
  it('each currency keeps its own', () => {
    const state = [published(1), published(2, 'CHF'), published(3)].reduce(rulemaking.evolve, rulemaking.initialState)
    expect(state.policies.map(({ currency, version }) => [currency, version])).toEqual([
      ['CHF', 2],
      ['EUR', 3],
    ])
    expect(nextVersion(state, 'policy')).toBe(4)
  })
  it('of 0.2.0 was in EUR', () => {
    const { version, hash, document } = signed(1)
    const state = rulemaking.evolve(rulemaking.initialState, {
      type: 'PolicyPublished',
      data: { version, hash, document },
    })
    expect(state.policies).toMatchObject([{ currency: 'EUR', version: 1 }])
  })
})

describe('the deny list', () => {
  it('begins empty', () => given().when(deny(1)).then(denied(1)))
  it('takes a license', () =>
    given(denied(1))
      .when(deny(2, licenses('l-1')))
      .then(denied(2, licenses('l-1'))))
  it('the same change again is one', () =>
    given(denied(1), denied(2, licenses('l-1')))
      .when(deny(2, licenses('l-1')))
      .then())
  it('takes it off again', () =>
    given(denied(1, licenses('l-1')))
      .when(deny(2, none, licenses('l-1')))
      .then(denied(2, none, licenses('l-1'))))
  it('is signed anew with nothing changed', () => given(denied(1)).when(deny(2)).then(denied(2)))
  it('another was faster', () =>
    given(denied(1), denied(2, licenses('l-1')))
      .when({ ...deny(2, licenses('l-2')), hash: hashOf('other') })
      .then(refused('VersionTaken', { version: 2, next: 3 })))
  it('what stands in it is not added', () =>
    given(denied(1, licenses('l-1')))
      .when(deny(2, licenses('l-2', 'l-1')))
      .then(refused('DenyListMoved', { entry: 'l-1', version: 1 })))
  it('what does not stand in it is not removed', () =>
    given(denied(1, licenses('l-1')))
      .when(deny(2, none, { licenses: [], cards: ['l-1'] }))
      .then(refused('DenyListMoved', { entry: 'l-1', version: 1 })))
})

describe('a fare table', () => {
  it('is published for a merchant', () => given().when(fares(1)).then(faresPublished(1)))
  it('the same again is published once', () => given(faresPublished(1)).when(fares(1)).then())
  it("counts on after another merchant's", () =>
    given(faresPublished(1)).when(fares(2, 'm-2')).then(faresPublished(2, 'm-2')))
  it('and not from one again', () =>
    given(faresPublished(1))
      .when(fares(1, 'm-2'))
      .then(refused('VersionTaken', { next: 2 })))
})

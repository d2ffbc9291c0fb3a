import { licenseWords, licensing } from '#account/licensing'
import { isRefusal } from '#canonical/decider'
import type { Act, Event } from '#canonical/event'
import { idOf } from '#canonical/ids'
import { understood } from '#ledger/vocabulary'
import { NewerThanKnown } from './held.ts'
import { ReactionDiverged, react, type Writing } from './reaction.ts'

/**
 * The reactor that ends licenses: on each hour that the calendar strikes, those whose time was over by then. The hold of
 * such a license stays, for taps that were made while it stood may be on their way.
 */
export const expiryBy = 'reactor:expiry'
const hour_ms = 3_600_000

export const expiry = ({ store, crypto, salt }: Writing) => {
  /** Licenses by the hour on which they end, so that an hour looks at its own and at no others. */
  const due = new Map<number, Set<string>>()
  let struck_ms: number | undefined

  const learn = (license: string, expires: string): void => {
    const ends_ms = Math.ceil(Date.parse(expires) / hour_ms) * hour_ms
    const on_ms = struck_ms === undefined ? ends_ms : Math.max(ends_ms, struck_ms + hour_ms)
    const those = due.get(on_ms) ?? new Set()
    due.set(on_ms, those.add(license))
  }

  const strike = async (hour: Event, instant: string): Promise<void> => {
    const at_ms = Date.parse(instant)
    // Hours follow one another; before the first that is known here, all that has passed is due.
    const hours =
      struck_ms === undefined || at_ms > struck_ms + hour_ms ? [...due.keys()].filter(each => each <= at_ms) : [at_ms]
    for (const each of hours.sort((a, b) => a - b))
      for (const license of due.get(each) ?? []) await expire(license, instant, hour)
    // After the last append: an hour that was cut short is struck again, whole.
    for (const each of hours) due.delete(each)
    struck_ms = at_ms
  }

  const expire = async (license: string, at: string, hour: Event): Promise<void> => {
    const act: Act = {
      id: idOf(crypto, hour.id, expiryBy, license),
      at: hour.at,
      by: expiryBy,
      correlation: hour.correlation,
      causation: hour.id,
    }
    await react({ store, crypto, salt }, { stream: `license-${license}`, words: licenseWords, act }, events => {
      const state = events.reduce((state, event) => licensing.evolve(state, event), licensing.initialState)
      // Where it was revoked before, nothing follows.
      const facts = licensing.decide({ type: 'ExpireLicense', license, at }, state)
      if (isRefusal(facts)) throw new ReactionDiverged(`License ${license} did not expire: ${facts.message}`)
      return facts
    })
  }

  return {
    name: 'expiry',
    wants: (type: string): boolean => type === 'LicenseIssued' || type === 'HourStruck',
    handle: async (told: Event): Promise<void> => {
      const event = understood(told)
      if (!event) {
        if (!told.stream.startsWith('terminal-')) throw new NewerThanKnown(told)
        return
      }
      if (event.type === 'LicenseIssued') learn(event.data.license, event.data.expires)
      if (event.type === 'HourStruck') await strike(event, event.data.instant)
    },
  }
}

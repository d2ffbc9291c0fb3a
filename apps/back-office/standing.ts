import { type EventStore, readLast } from '#eventstore'
import { readKnown } from '#evidence/held'
import { type Shop, shop as shopDecider, shopWords } from '#settlement/shop'
import { type Enrolment, enrolment } from '#sync/enrolment'
import { enrolmentWords } from '#sync/events'

/** Terminals and shops as the log has them at this moment: asked at every batch, and read anew only when they changed. */

export type EnrolledTerminal = {
  readonly state: Enrolment
  /** The certificate that it came with: its hash begins the terminal's stream, whatever stands in for it since. */
  readonly first: { readonly certificate: string; readonly mode: 'test' | 'live'; readonly merchant: string }
}

export type Standings = ReturnType<typeof standings>

export const standings = (store: EventStore) => {
  const asItIs = <Value>(read: (stream: string) => Promise<Value>) => {
    const known = new Map<string, { readonly revision: number; readonly value: Value }>()
    return async (stream: string): Promise<Value> => {
      const revision = (await readLast(store, stream))?.revision ?? -1
      const held = known.get(stream)
      if (held?.revision === revision) return held.value
      const value = await read(stream)
      if (revision >= 0) known.set(stream, { revision, value })
      return value
    }
  }

  const readTerminal = asItIs(async (stream): Promise<EnrolledTerminal | undefined> => {
    const { events } = await readKnown(store, stream, enrolmentWords)
    const enrolled = events.find(event => event.type === 'TerminalEnrolled')
    if (enrolled?.type !== 'TerminalEnrolled') return undefined
    const { certificate, mode, merchant } = enrolled.data
    const state = events.reduce((state, event) => enrolment.evolve(state, event), enrolment.initialState)
    return { state, first: { certificate, mode, merchant } }
  })
  const readShop = asItIs(async (stream): Promise<Shop | undefined> => {
    const { events } = await readKnown(store, stream, shopWords)
    return events.reduce((state, event) => shopDecider.evolve(state, event), shopDecider.initialState)
  })

  return {
    /** Undefined where it was never enrolled here. */
    terminal: (terminal: string) => readTerminal(`enrolment-${terminal}`),
    shop: (shop: string) => readShop(`shop-${shop}`),
  }
}

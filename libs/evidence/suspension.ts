import type { Crypto } from '#canonical/crypto'
import { isRefusal } from '#canonical/decider'
import { type Act, chain, type Event } from '#canonical/event'
import { idOf } from '#canonical/ids'
import { type EventStore, WrongExpectedRevision } from '#eventstore'
import { understood } from '#ledger/vocabulary'
import { type Enrolment, enrolment } from '#sync/enrolment'
import { type EnrolmentEvent, enrolmentWords } from '#sync/events'
import { NewerThanKnown, readHeld } from './held.ts'

/**
 * The reactor that suspends a terminal of which two histories came: until somebody has looked at it, it takes no
 * payments. It decides from the terminal's enrolment as the log had it before the fork was found; whoever reinstated it
 * later, or was quicker, changes nothing in that.
 */
export const suspensionBy = 'reactor:suspension'
const attemptsMax = 8

type Parts = {
  readonly store: Pick<EventStore, 'read' | 'append'>
  readonly crypto: Crypto
  readonly salt: (eventId: string) => string
}

const inputs = new Set<string>([...Object.keys(enrolmentWords), 'ForkDetected'])

export const suspension = ({ store, crypto, salt }: Parts) => {
  const terminals = new Map<string, Enrolment>()

  const suspend = async (terminal: string, fork: Event, revision: number): Promise<void> => {
    const state = terminals.get(terminal) ?? enrolment.initialState
    const reason = `two histories from revision ${revision} on`
    const facts = enrolment.decide({ type: 'Suspend', terminal, reason }, state)
    // It is out of service already.
    if (isRefusal(facts) || facts.length === 0) return
    const stream = `enrolment-${terminal}`
    const act: Act = {
      id: idOf(crypto, fork.id, suspensionBy, terminal),
      at: fork.at,
      by: suspensionBy,
      correlation: fork.correlation,
      causation: fork.id,
    }
    for (let attempt = 1; ; attempt++) {
      const { events, last, newer } = await readHeld(store, stream, enrolmentWords)
      if (events.some(({ id }) => id === idOf(crypto, act.id, stream, 0))) return
      if (newer) throw new NewerThanKnown(newer)
      const written = chain(crypto, enrolmentWords, stream, last, facts, act, salt)
      try {
        const toAppend = written.map(({ event: { id, type }, text }) => ({ id, type, text }))
        await store.append(stream, last?.revision ?? 'NoStream', toAppend)
        return
      } catch (error) {
        if (!(error instanceof WrongExpectedRevision) || attempt === attemptsMax) throw error
      }
    }
  }

  return {
    name: 'suspension',
    wants: (type: string): boolean => inputs.has(type),
    handle: async (told: Event): Promise<void> => {
      const event = understood(told)
      if (!event) {
        if (!told.stream.startsWith('terminal-')) throw new NewerThanKnown(told)
        return
      }
      if (event.type === 'ForkDetected') return suspend(event.data.terminal, event, event.data.revision)
      if (!Object.hasOwn(enrolmentWords, event.type)) return
      const fact = event as Event & EnrolmentEvent
      const { terminal } = fact.data
      terminals.set(terminal, enrolment.evolve(terminals.get(terminal) ?? enrolment.initialState, fact))
    },
  }
}

import { isRefusal } from '#canonical/decider'
import type { Act, Event } from '#canonical/event'
import { idOf } from '#canonical/ids'
import { understood } from '#ledger/vocabulary'
import { type Enrolment, enrolment } from '#sync/enrolment'
import { type EnrolmentEvent, enrolmentWords } from '#sync/events'
import { NewerThanKnown } from './held.ts'
import { react, type Writing } from './reaction.ts'

/**
 * The reactor that suspends a terminal of which two histories came: until somebody has looked at it, it takes no
 * payments. It decides from the terminal's enrolment as the log had it before the fork was found; whoever reinstated it
 * later, or was quicker, changes nothing in that.
 */
export const suspensionBy = 'reactor:suspension'

const inputs = new Set<string>([...Object.keys(enrolmentWords), 'ForkDetected'])

export const suspension = ({ store, crypto, salt }: Writing) => {
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
    // It was decided from what the log had before the fork, whatever the stream has since.
    await react({ store, crypto, salt }, { stream, words: enrolmentWords, act }, () => facts)
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

import { type EventStore, type EventToAppend, readLast, readStream, WrongExpectedRevision } from '#eventstore'
import type { Rows } from '#eventstore/rows'
import type { PhoneMemory } from '#tap/phone'
import { said, word } from './oracle.ts'
import type { WorldOptions } from './world.ts'

/**
 * Worlds with one thing broken, from outside, at the seams where a machine could break it. The simulation is worth as
 * much as what it catches of these.
 */
export type Broken = Pick<WorldOptions, 'breakTerminal' | 'breakCentre' | 'breakRows' | 'breakDisk' | 'centres'>
type Part = { readonly sentence: string; readonly make: () => Broken }

type Types = (events: readonly EventToAppend[]) => boolean
const holding =
  (wanted: string): Types =>
  events =>
    events.some(({ type }) => type === wanted)

/** Acknowledges some appends before they are written: they are written with the next call, and lost with a crash. */
const writeBehind = (store: EventStore, late: Types): EventStore => {
  let pending: Parameters<EventStore['append']> | undefined
  const flush = async (): Promise<void> => {
    const [due] = [pending]
    pending = undefined
    if (due) await store.append(...due)
  }
  return {
    ...store,
    append: async (stream, expected, events) => {
      await flush()
      if (!late(events)) return store.append(stream, expected, events)
      pending = [stream, expected, events]
      return { revision: (expected === 'NoStream' ? -1 : expected) + events.length, index: 0, repeated: false }
    },
    read: async function* (stream, options) {
      await flush()
      yield* store.read(stream, options)
    },
  }
}

const lateTerminal = (late: Types): Broken => ({
  breakTerminal: parts => ({ ...parts, store: writeBehind(parts.store, late) }),
})

/** One append in so many is acknowledged and never made. */
const forgetful = (every: number, streams: string): Broken => {
  let appends = 0
  return {
    breakCentre: store => ({
      ...store,
      append: async (stream, expected, events) =>
        stream.startsWith(streams) && ++appends % every === 0
          ? { revision: (expected === 'NoStream' ? -1 : expected) + events.length, index: 0, repeated: false }
          : store.append(stream, expected, events),
    }),
  }
}

/** Shows a starting till other ids where a deduction is still open, so that it knows nothing of the sale. */
const forgetsTorn = (store: EventStore): EventStore => {
  let started = false
  return {
    ...store,
    read: async function* (stream, options) {
      const starting = !started
      started = true
      if (!starting) return yield* store.read(stream, options)
      const events = await readStream(store, stream)
      const open = new Map<string, string>()
      for (const event of events.map(({ text }) => said(text))) {
        if (event.type === 'DeductionRequested') open.set(word(event, 'transaction'), word(event, 'sale'))
        if (event.type === 'TransactionRecorded' || event.type === 'TapResolved')
          open.delete(word(event, 'transaction'))
      }
      const blurred = (text: string): string =>
        [...open].flat().reduce((text, id) => text.replaceAll(id, id.split('').reverse().join('')), text)
      if (events.length > 0) yield events.map(event => ({ ...event, text: blurred(event.text) }))
    },
  }
}

const pageTwice = (): Broken => {
  const lives = new Map<Rows, number>()
  return {
    breakRows: rows => {
      lives.set(rows, (lives.get(rows) ?? 0) + 1)
      const done = new Set<string>()
      return {
        ...rows,
        apply: (projection, events, at) => {
          const again = (lives.get(rows) ?? 0) > 1 && events.length > 0 && !done.has(projection.name)
          if (again) done.add(projection.name)
          return rows.apply(projection, again ? [...events, ...events] : events, at)
        },
      }
    },
  }
}

export const mutants = {
  'approves before the record is durable': {
    sentence: 'The append of a recorded payment is acknowledged before it is on disk.',
    make: () => lateTerminal(holding('TransactionRecorded')),
  },
  'asks before the deduction is durable': {
    sentence: 'The phone hears the PUT before the deduction is on disk.',
    make: () => lateTerminal(holding('DeductionRequested')),
  },
  'phone pays before it remembers': {
    sentence: 'A phone answers, and its disk has the payment only after the next.',
    make: () => {
      const late = new Map<string, PhoneMemory>()
      return {
        breakDisk: keep => memory => {
          keep(late.get(memory.phone) ?? memory)
          late.set(memory.phone, memory)
        },
      }
    },
  },
  'phone counts from a backup': {
    sentence: 'A phone finds the counter of its first day on its disk.',
    make: () => ({ breakDisk: keep => memory => keep({ ...memory, counter: 0 }) }),
  },
  'till forgets a torn tap': {
    sentence: 'A restarted till knows nothing of a deduction that a phone may have paid.',
    make: () => ({ breakTerminal: parts => ({ ...parts, store: forgetsTorn(parts.store) }) }),
  },
  'forgets where its log ended': {
    sentence: 'A till does not look at the marker beside its log.',
    make: () => ({ breakTerminal: parts => ({ ...parts, marker: { read: () => undefined, write: () => {} } }) }),
  },
  'acknowledges what nobody confirmed': {
    sentence: 'A started terminal believes that the centre has more than it was told.',
    make: () => ({
      breakTerminal: parts => ({
        ...parts,
        notes: {
          ...parts.notes,
          note: key => {
            const noted = parts.notes.note(key)
            return key === 'acknowledgedTo' && noted !== undefined ? `${Number(noted) + 50}` : noted
          },
        },
      }),
    }),
  },
  'store takes any revision': {
    sentence: 'Two centres work on one log that does not compare the expected revision.',
    make: () => ({
      centres: 2,
      breakCentre: store => ({
        ...store,
        append: async (stream, _expected, events) => {
          for (;;)
            try {
              const last = await readLast(store, stream)
              return await store.append(stream, last?.revision ?? 'NoStream', events)
            } catch (error) {
              if (!(error instanceof WrongExpectedRevision)) throw error
            }
        },
      }),
    }),
  },
  'centre drops a batch': {
    sentence: 'The centre says yes to a batch that it did not append.',
    make: () => forgetful(4, 'terminal-'),
  },
  'centre drops a verdict': {
    sentence: 'A verdict is acknowledged by the store and never written.',
    make: () => forgetful(9, 'payment-'),
  },
  'centre raises nothing': {
    sentence: 'An exception is acknowledged by the store and never written.',
    make: () => forgetful(1, 'exception-'),
  },
  'projector passes over a page': {
    sentence: 'One page in eleven moves the checkpoint and no rows.',
    make: () => {
      let pages = 0
      return {
        breakRows: rows => ({
          ...rows,
          apply: (projection, events, at) =>
            rows.apply(projection, events.length > 0 && ++pages % 11 === 0 ? [] : events, at),
        }),
      }
    },
  },
  'phone spends and has as much left': {
    sentence: 'The allowance on a phone\u2019s disk does not go down.',
    make: () => {
      const first = new Map<string, string>()
      return {
        breakDisk: keep => memory => {
          const allowanceLeft = first.get(memory.license) ?? memory.allowanceLeft
          first.set(memory.license, allowanceLeft)
          keep({ ...memory, allowanceLeft })
        },
      }
    },
  },
  'phone forgets its oldest payment': {
    sentence: 'A phone has room for two payments, and lets go of the others.',
    make: () => ({ breakDisk: keep => memory => keep({ ...memory, payments: memory.payments.slice(-2) }) }),
  },
  'append in two halves': {
    sentence: 'What a terminal appends at once reaches its disk in two writes.',
    make: () => ({
      breakTerminal: parts => ({
        ...parts,
        store: {
          ...parts.store,
          append: async (stream, expected, events) => {
            const half = Math.floor(events.length / 2)
            if (half === 0) return parts.store.append(stream, expected, events)
            const { revision } = await parts.store.append(stream, expected, events.slice(0, half))
            return parts.store.append(stream, revision, events.slice(half))
          },
        },
      }),
    }),
  },
  'rows of a page twice': {
    sentence: 'After a restart the first page is applied to the rows twice.',
    make: pageTwice,
  },
} as const satisfies Record<string, Part>
export type Mutant = keyof typeof mutants

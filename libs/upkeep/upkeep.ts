import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'
import { name } from '#canonical/fields'

/**
 * `follower-<name>`: a follower of the log met an event that it cannot get past, and what an operator said to that. Rows
 * are a fold of the log without the events that an operator had their follower pass over, so each such order is in the
 * log before it is obeyed, and every fold after obeys it.
 */

/* ------------------------------------------------------------------ words */

const index = z.int().nonnegative()
const reason = z.string().min(1).max(500)

export const followerWords = {
  /** `event` and `type` are null where it was no event that stopped it, such as a disk that failed. */
  FollowerStopped: word(
    z.object({ follower: name, index, event: z.uuid().nullable(), type: name.nullable(), why: z.string().max(1000) }),
  ),
  EventSkipped: word(z.object({ follower: name, index, event: z.uuid(), reason })),
  FollowerRetried: word(z.object({ follower: name, index, reason })),
}

export type FollowerEvent = FactOf<typeof followerWords>

export type FollowerCommand =
  | {
      readonly type: 'StopFollower'
      readonly follower: string
      readonly index: number
      readonly event: string | null
      readonly eventType: string | null
      readonly why: string
    }
  /** The caller names the event: whoever looked at another one skips nothing. */
  | {
      readonly type: 'SkipEvent'
      readonly follower: string
      readonly index: number
      readonly event: string
      readonly reason: string
    }
  | { readonly type: 'RetryFollower'; readonly follower: string; readonly reason: string }

export type FollowerRefusal = Refusal & { readonly reason: 'FollowerNotStopped' | 'StoppedAtAnother' }

/* ------------------------------------------------------------------ state */

export type FollowerState = {
  readonly stopped: { readonly index: number; readonly event: string | null; readonly type: string | null } | undefined
  readonly skipped: ReadonlySet<number>
}

const initialState: FollowerState = { stopped: undefined, skipped: new Set() }

/* ----------------------------------------------------------------- decide */

const decide = (command: FollowerCommand, state: FollowerState): readonly FollowerEvent[] | FollowerRefusal => {
  const { follower } = command
  const { stopped, skipped } = state
  switch (command.type) {
    case 'StopFollower': {
      const { index, event, eventType: type, why } = command
      // Each start meets the same event again, and so does each node: that is one stop.
      if (stopped?.index === index && stopped.event === event) return []
      return [{ type: 'FollowerStopped', data: { follower, index, event, type, why: why.slice(0, 1000) } }]
    }
    case 'SkipEvent': {
      const { index, event, reason } = command
      if (skipped.has(index)) return []
      if (!stopped) return notStopped(follower)
      if (stopped.index !== index || stopped.event !== event)
        return {
          reason: 'StoppedAtAnother',
          message:
            stopped.event === null
              ? `Follower ${follower} was stopped by no event, before log index ${stopped.index}: there is nothing to skip. Mend the cause and retry it.`
              : `Follower ${follower} is stopped at ${stopped.type} ${stopped.event}, log index ${stopped.index}, not at ${event}, log index ${index}: look at that one and name it.`,
          follower,
          index: stopped.index,
          event: stopped.event,
        }
      return [{ type: 'EventSkipped', data: { follower, index, event, reason } }]
    }
    case 'RetryFollower':
      if (!stopped) return notStopped(follower)
      return [{ type: 'FollowerRetried', data: { follower, index: stopped.index, reason: command.reason } }]
  }
}

const notStopped = (follower: string): FollowerRefusal => ({
  reason: 'FollowerNotStopped',
  message: `Follower ${follower} is not stopped: GET /api/followers shows which one is.`,
  follower,
})

/* ----------------------------------------------------------------- evolve */

const evolve = (state: FollowerState, event: FollowerEvent): FollowerState => {
  switch (event.type) {
    case 'FollowerStopped': {
      const { index, event: id, type } = event.data
      return { ...state, stopped: { index, event: id, type } }
    }
    case 'EventSkipped':
      return { stopped: undefined, skipped: new Set(state.skipped).add(event.data.index) }
    case 'FollowerRetried':
      return { ...state, stopped: undefined }
  }
}

export const upkeep: Decider<FollowerState, FollowerCommand, FollowerEvent, FollowerRefusal> = {
  initialState,
  decide,
  evolve,
}

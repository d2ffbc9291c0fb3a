import { expect } from 'vitest'
import { type Decider, isRefusal, type Refusal } from '#canonical/decider'
import type { Fact, Vocabulary } from '#canonical/event'

/** What a refused command is expected to answer: the reason, and those figures that the test cares about. */
export type Refused = { readonly refused: string; readonly figures: Readonly<Record<string, unknown>> }

export const refused = (reason: string, figures: Readonly<Record<string, unknown>> = {}): Refused => ({
  refused: reason,
  figures,
})

/**
 * Tests of a decider as the trade speaks: `given(opened).when(grant).then(granted)`; `then()` says "already so".
 * What was said must also fit the vocabulary, field for field.
 */
export const deciding =
  <State, Command, Said extends Fact, R extends Refusal>(
    decider: Decider<State, Command, Said, R>,
    words: Vocabulary,
  ) =>
  (...past: readonly Said[]) => ({
    when: (command: Command) => {
      const state = past.reduce((held, event) => decider.evolve(held, event), decider.initialState)
      const answer = decider.decide(command, state)
      return {
        then: (...expected: readonly Said[] | readonly [Refused]): void => {
          const [first] = expected
          if (first && 'refused' in first) {
            expect(answer).toMatchObject({ reason: first.refused, ...first.figures })
            // A refusal is for people too: a whole sentence, which ends as one.
            expect((answer as R).message).toMatch(/^.{20,}\.$/s)
            return
          }
          if (isRefusal(answer as Said[] | R)) expect.fail(`refused: ${(answer as R).reason}: ${(answer as R).message}`)
          expect(answer).toEqual(expected)
          for (const { type, data } of answer as Said[]) expect(words[type]?.data.parse(data)).toEqual(data)
        },
        /** For laws over what was said. */
        said: answer,
      }
    },
  })

/**
 * A decider: words, state, decide, evolve. Pure and total: time, ids and figures from above come in with the command.
 * An empty list means "already so": a command asked twice is answered once.
 */
export interface Decider<State, Command, Event, Refused extends Refusal = Refusal> {
  readonly initialState: State
  decide(command: Command, state: State): readonly Event[] | Refused
  evolve(state: State, event: Event): State
}

/** The trade says no: a value with a stable `reason`, the numbers that explain it, and a sentence for people. */
export type Refusal = { readonly reason: string; readonly message: string; readonly [figure: string]: unknown }

export const isRefusal = <Refused extends Refusal>(answer: readonly unknown[] | object | Refused): answer is Refused =>
  !Array.isArray(answer) && 'reason' in answer && 'message' in answer

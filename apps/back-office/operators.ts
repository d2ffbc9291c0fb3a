import { isRefusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import { readKnown } from '#evidence/held'
import { type Operator, type OperatorCommand, operator as operatorDecider, operatorWords } from '#operator'
import type { Role } from '#operator/roles'
import type { Office, Settled } from './office.ts'

/** Who works here: added, given a role, suspended and reinstated. What opens the centre to them is `sign-in.ts`'s. */

type Order = { readonly operator: string; readonly by: string }

export const operators = (
  { store, runner, actOf }: Office,
  settled: Settled,
  /** Administrators who may sign in, without this one. */
  otherAdministrators: (operator: string) => Promise<number>,
) => {
  const carryOut = async (command: OperatorCommand, by: string) => {
    const { operator } = command
    const ran = await run(runner, operatorDecider, operatorWords, `operator-${operator}`, command, actOf(by))
    return settled(ran, { operator })
  }

  let turn: Promise<unknown> = Promise.resolve()
  /** Of two administrators who suspend each other at once, the second is the last one. */
  const oneByOne = <Answer>(act: () => Promise<Answer>): Promise<Answer> => {
    const mine = turn.then(act)
    turn = mine.catch(() => {})
    return mine
  }

  /** As the log has it now: a role that was taken away opens nothing any more, whatever the rows know. */
  const operatorNow = async (operator: string): Promise<Operator | undefined> => {
    const { events } = await readKnown(store, `operator-${operator}`, operatorWords)
    return events.reduce(
      (state: Operator | undefined, event) => operatorDecider.evolve(state, event),
      operatorDecider.initialState,
    )
  }

  return {
    operatorNow,
    addOperator: ({ operator, role, by }: Order & { readonly role: Role }) =>
      carryOut({ type: 'AddOperator', operator, role }, by),
    setOperatorRole: ({ operator, role, by }: Order & { readonly role: Role }) =>
      oneByOne(async () => {
        const administrators = await otherAdministrators(operator)
        const set = await carryOut({ type: 'SetOperatorRole', operator, role, administrators }, by)
        return isRefusal(set) ? set : { operator, role }
      }),
    suspendOperator: ({ operator, reason, by }: Order & { readonly reason: string }) =>
      oneByOne(async () => {
        const administrators = await otherAdministrators(operator)
        return carryOut({ type: 'SuspendOperator', operator, reason, administrators }, by)
      }),
    reinstateOperator: ({ operator, reason, by }: Order & { readonly reason: string }) =>
      carryOut({ type: 'ReinstateOperator', operator, reason }, by),
    /** That a password was set; whoever keeps it has it already, or is about to. */
    notePassword: ({ operator, oneTime, by }: Order & { readonly oneTime: boolean }) =>
      carryOut({ type: 'SetPassword', operator, oneTime }, by),
  }
}

export type Operators = ReturnType<typeof operators>

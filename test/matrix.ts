import { describe, expect, it } from 'vitest'
import { type Decider, isRefusal, type Refusal } from '#canonical/decider'
import type { Fact, Vocabulary } from '#canonical/event'

/**
 * A decider as a table: each row is a case, and its last word is what was decided. Every command is laid beside every
 * state; a cell without a row is shown as empty, with what the decider says there in brackets. `MATRIX=1` prints it.
 *
 *     given        | command    | answer
 *     nothing      | open       | AccountOpened
 *     opened       | open       | already so
 *                  | open other | refused AccountExists
 *
 * A row that leaves `given` empty has that of the row above; events are joined by `+`.
 */
export type Table<Command extends { readonly type: string }, Said extends Fact, R extends Refusal> = {
  /** A past, as commands that are obeyed and, where no command of this decider says them, as events. */
  readonly states: Readonly<Record<string, readonly (Command | Said)[]>>
  /** Every type of command, by itself and as often as it makes a difference. */
  readonly commands: {
    readonly [Type in Command['type']]: Readonly<Record<string, Extract<Command, { readonly type: Type }>>>
  }
  /** Every reason of the union: the compiler asks for a new one here, and the test for a row that reaches it. */
  readonly refusals: { readonly [Reason in R['reason']]: true }
  readonly rows: string
}

const alreadySo = 'already so'

export const matrix = <State, Command extends { readonly type: string }, Said extends Fact, R extends Refusal>(
  name: string,
  decider: Decider<State, Command, Said, R>,
  words: Vocabulary,
  { states, commands, refusals, rows }: Table<Command, Said, R>,
): void => {
  const orders = new Map<string, Command>()
  const types = Object.values<Readonly<Record<string, Command>>>(commands)
  for (const [order, command] of types.flatMap(byName => Object.entries(byName))) {
    if (orders.has(order)) throw new Error(`Two commands of ${name} are called "${order}".`)
    orders.set(order, command)
  }

  /** Each cell begins anew: a decider's state may grow in place. */
  const after = (given: string): State => {
    let state = decider.initialState
    for (const step of states[given] ?? []) {
      const said = 'data' in step ? [step] : decider.decide(step, state)
      if (isRefusal(said as Said[] | R)) throw new Error(`"${given}" cannot be: ${(said as R).message}`)
      for (const event of said as Said[]) state = decider.evolve(state, event)
    }
    return state
  }
  const answerIn = (given: string, order: string): readonly Said[] | R =>
    decider.decide(orders.get(order) as Command, after(given))
  const inWords = (answer: readonly Said[] | R): string => {
    if (isRefusal(answer as Said[] | R)) return `refused ${(answer as R).reason}`
    return (answer as Said[]).map(({ type }) => type).join(' + ') || alreadySo
  }

  const cells = cellsOf(rows)
  const written = new Map(cells.map(({ given, order, answer }) => [`${given} | ${order}`, answer]))

  describe(`the matrix of ${name}`, () => {
    it('names what there is, and each cell once', () => {
      expect(cells.filter(({ given }) => !Object.hasOwn(states, given)).map(({ given }) => given)).toEqual([])
      expect(cells.filter(({ order }) => !orders.has(order)).map(({ order }) => order)).toEqual([])
      const places = cells.map(({ given, order }) => `${given} | ${order}`)
      expect(places.filter((place, at) => places.indexOf(place) !== at)).toEqual([])
    })

    it.each(cells.map(({ given, order, answer }) => [given, order, answer] as const))(
      'given %s | %s | %s',
      (given, order, answer) => {
        expect(inWords(answerIn(given, order))).toBe(answer)
      },
    )

    it('reaches every refusal, and every kind of command somewhere does what it is for', () => {
      const answers = [...written.values()]
      expect(Object.keys(refusals).filter(reason => !answers.includes(`refused ${reason}`))).toEqual([])
      const obeyed = new Set(cells.filter(({ answer }) => isDone(answer)).map(({ order }) => order))
      const never = Object.entries<Readonly<Record<string, Command>>>(commands).filter(
        ([, byName]) => !Object.keys(byName).some(order => obeyed.has(order)),
      )
      expect(never.map(([type]) => type)).toEqual([])
    })

    it('is total: in cells without a row, too, it says what fits the vocabulary or refuses in a sentence', () => {
      for (const given of Object.keys(states))
        for (const order of orders.keys()) {
          const answer = answerIn(given, order)
          if (isRefusal(answer as Said[] | R)) expect((answer as R).message).toMatch(/^.{20,}\.$/s)
          else for (const { type, data } of answer as Said[]) expect(words[type]?.data.parse(data)).toEqual(data)
        }
    })
  })

  if (process.env['MATRIX'])
    process.stdout.write(
      printed(name, Object.keys(states), [...orders.keys()], written, (...at) => inWords(answerIn(...at))),
    )
}

const isDone = (answer: string): boolean => answer !== alreadySo && !answer.startsWith('refused ')

type Cell = { readonly given: string; readonly order: string; readonly answer: string }

const cellsOf = (rows: string): readonly Cell[] => {
  let above = ''
  return rows
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(line => {
      const parts = line.split('|').map(part => part.trim())
      if (parts.length !== 3) throw new Error(`A row has three parts, given | command | answer: ${line}`)
      const [given, order, answer] = parts as [string, string, string]
      above = given || above
      return { given: above, order, answer }
    })
}

const printed = (
  name: string,
  states: readonly string[],
  orders: readonly string[],
  written: ReadonlyMap<string, string>,
  answerIn: (given: string, order: string) => string,
): string => {
  const lines = [
    ['', ...states],
    ...orders.map(order => [
      order,
      ...states.map(given => written.get(`${given} | ${order}`) ?? `(${answerIn(given, order)})`),
    ]),
  ]
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map(line => line[column]?.length ?? 0))) ?? []
  const all = states.length * orders.length
  const title = `${name}: ${orders.length} commands in ${states.length} states, ${written.size} of ${all} cells have a row`
  const body = lines.map(line => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | '))
  return `\n${title}\n${body.map(line => line.trimEnd()).join('\n')}\n`
}

import { isRefusal, type Refusal } from '#canonical/decider'
import { trustEvent, upcast } from '#canonical/event'
import { run } from '#cqrs/run'
import { readKnown } from '#evidence/held'
import { formatAmount, minorUnits } from '#money'
import { shop as shopDecider, shopWords } from '#settlement/shop'
import { type EnrolmentCommand, enrolment } from '#sync/enrolment'
import { enrolmentWords, intakeWords } from '#sync/events'
import type { Office, Settled } from './office.ts'
import type { Standings } from './standing.ts'

/** What the back office orders of a terminal that is enrolled: its name, its shop, and whether it serves. */

type Ordered = { readonly terminal: string; readonly by: string }
type WithReason = Ordered & { readonly reason: string }

export type Service = ReturnType<typeof service>

export const service = ({ store, runner, actOf }: Office, known: Standings, settled: Settled) => {
  const order = async (command: EnrolmentCommand, by: string) =>
    run(runner, enrolment, enrolmentWords, `enrolment-${command.terminal}`, command, actOf(by))
  const carryOut = async (command: EnrolmentCommand, by: string) =>
    settled(await order(command, by), { terminal: command.terminal })

  const standIn = (type: 'AssignTerminal' | 'UnassignTerminal', shop: string, terminal: string, by: string) =>
    run(runner, shopDecider, shopWords, `shop-${shop}`, { type, shop, terminal }, actOf(by))

  /** Also asked again where only the terminal's own stream knew of it: the shops' lists follow. */
  const moveTerminal = async ({ terminal, shop, reason, by }: WithReason & { readonly shop: string }) => {
    const opened = await known.shop(shop)
    if (!opened) return { reason: 'ShopUnknown', message: `No shop ${shop} was opened: open it first.`, shop }
    const moved = await order({ type: 'Move', terminal, shop, merchant: opened.merchant, reason }, by)
    if (isRefusal(moved)) return moved
    const { events } = await readKnown(store, `enrolment-${terminal}`, enrolmentWords)
    const last = events.findLast(event => event.type === 'TerminalMoved')
    if (last?.type === 'TerminalMoved') await standIn('UnassignTerminal', last.data.from, terminal, by)
    const assigned = await standIn('AssignTerminal', shop, terminal, by)
    return settled(isRefusal(assigned) || assigned.index !== undefined ? assigned : moved, { terminal, shop })
  }

  /** What the terminal said with its last batch that it still had, in words. */
  const waitingAt = async (terminal: string): Promise<string | undefined> => {
    for await (const page of store.read(`intake-${terminal}`, { from: 'end', direction: 'backward', pageSize: 20 }))
      for (const { text } of page) {
        const event = upcast(trustEvent(text), intakeWords)
        if (event?.type !== 'BatchAccepted') continue
        const { waiting } = event.data
        if (!waiting || waiting.count === 0) return undefined
        return `${waiting.count} ${waiting.count === 1 ? 'payment' : 'payments'}, ${formatAmount(minorUnits(waiting.sum), waiting.currency)} ${waiting.currency},`
      }
    return undefined
  }

  const retireTerminal = async (
    asked: WithReason & { readonly evenSo?: boolean | undefined },
  ): Promise<{ readonly terminal: string } | Refusal> => {
    const { terminal, reason, by, evenSo = false } = asked
    const waiting = await waitingAt(terminal)
    const told = waiting === undefined ? {} : { waiting }
    return leave({ type: 'Retire', terminal, reason, evenSo, ...told }, by)
  }

  /** Out of service for good, it stands in no shop. */
  const leave = async (command: EnrolmentCommand, by: string) => {
    const { terminal } = command
    const done = await order(command, by)
    if (isRefusal(done)) return done
    const shop = (await known.terminal(terminal))?.state.shop
    if (shop !== undefined) await standIn('UnassignTerminal', shop, terminal, by)
    return settled(done, { terminal })
  }

  return {
    renameTerminal: ({ terminal, label, by }: Ordered & { readonly label: string }) =>
      carryOut({ type: 'Rename', terminal, label }, by),
    moveTerminal,
    suspendTerminal: ({ terminal, reason, by }: WithReason) => carryOut({ type: 'Suspend', terminal, reason }, by),
    reinstateTerminal: ({ terminal, reason, by }: WithReason) => carryOut({ type: 'Reinstate', terminal, reason }, by),
    declareTerminalLost: ({ terminal, reason, by }: WithReason) => leave({ type: 'DeclareLost', terminal, reason }, by),
    retireTerminal,
    /** For a replacement: it is decided before the new one is invited, and written after. */
    leave,
  }
}

import { z } from 'zod'
import { isRefusal, type Refusal } from '#canonical/decider'
import { hasSupervisor } from '#till/staff'
import type { OwnLog } from './own-log.ts'
import type { News, TerminalParts } from './ports.ts'

/**
 * Who works at this till. The log has their numbers and roles; names and PINs are in a note beside it. A wrong PIN
 * costs a wait that grows, and the wait is on disk before the answer is given: a restart shortens none.
 */
const kept = z.record(z.string(), z.object({ name: z.string(), pin: z.string() }))
/** `at_ms`: when it was counted, by the till's own time. Notes of before 0.3.0 have none. */
const failures = z.object({ count: z.int(), until_ms: z.number(), at_ms: z.number().default(0) })

const pinShape = /^[0-9]{4,8}$/
/** This many guesses are free; then 30 s, a minute, two, … up to an hour. */
const freeGuesses = 3
const firstWait_ms = 30_000
const longestWait_ms = 3_600_000

/** Numbers that nobody has share one count: whoever tries them all is slowed down, and fills no disk. */
const nobody = 'nobody'

export const staff = ({ notes, pins }: TerminalParts, own: OwnLog, news: News) => {
  const { till } = own
  const people = (): z.infer<typeof kept> => kept.parse(JSON.parse(notes.note('staff') ?? '{}'))

  let turn: Promise<unknown> = Promise.resolve()
  /** One PIN at a time: guesses that come together are counted one after the other. */
  const exclusive = <T>(act: () => Promise<T>): Promise<T> => {
    const mine = turn.then(act)
    turn = mine.catch(() => {})
    return mine
  }

  const failed = (who: string): z.infer<typeof failures> =>
    failures.parse(JSON.parse(notes.note(`pin-failures:${who}`) ?? '{"count":0,"until_ms":0}'))
  const setFailed = (who: string, so: z.infer<typeof failures>): void =>
    notes.setNote(`pin-failures:${who}`, JSON.stringify(so))

  /** Undefined where number and PIN fit. */
  const check = (number: string, pin: string): Promise<Refusal | undefined> =>
    exclusive(async () => {
      const known = Object.hasOwn(people(), number) && till.staff.has(number) ? people()[number] : undefined
      const who = known ? number : nobody
      const { count, until_ms, at_ms } = failed(who)
      const now_ms = own.time()
      // A clock that was turned back since begins the wait anew: it is never shorter, and no clock that was once years
      // ahead shuts a till for years.
      const wait_ms = until_ms - Math.max(at_ms, now_ms)
      if (wait_ms > 0 && now_ms < at_ms) setFailed(who, { count, until_ms: now_ms + wait_ms, at_ms: now_ms })
      if (wait_ms > 0) return throttled(wait_ms)
      // Counted before it is tried: who pulls the plug while it is computed has guessed all the same.
      const waits_ms =
        count + 1 < freeGuesses ? 0 : Math.min(longestWait_ms, firstWait_ms * 2 ** (count + 1 - freeGuesses))
      setFailed(who, { count: count + 1, until_ms: now_ms + waits_ms, at_ms: now_ms })
      // A number that nobody has takes as long to refuse as a PIN that is wrong.
      const fits = known ? await pins.matches(pin, known.pin) : (await pins.hash(pin)) === ''
      if (!fits)
        return {
          reason: 'PinWrong',
          message: `Number and PIN do not fit. ${waits_ms > 0 ? `Wait ${Math.ceil(waits_ms / 1000)} seconds before the next try.` : 'Try again.'}`,
          wait_s: Math.ceil(waits_ms / 1000),
        }
      setFailed(who, { count: 0, until_ms: 0, at_ms: 0 })
      return undefined
    })

  type Approval = { readonly staff: string; readonly pin: string }
  const approved = async (by: Approval | undefined): Promise<Refusal | undefined> =>
    by === undefined ? undefined : check(by.staff, by.pin)

  /** Sets somebody up, or gives them another role, name or PIN. The first one is a supervisor, and needs nobody. */
  const appoint = async (asked: {
    readonly staff: string
    readonly name: string
    readonly role: 'cashier' | 'supervisor'
    readonly pin: string
    readonly by?: Approval | undefined
  }): Promise<StaffList | Refusal> => {
    const { staff: number, name, role, pin, by } = asked
    if (!pinShape.test(pin))
      return { reason: 'PinMalformed', message: 'A PIN is four to eight digits: choose another one.' }
    const refused = await approved(by)
    if (refused) return refused
    const hash = await pins.hash(pin)
    const command = { type: 'AppointStaff', staff: number, role, ...(by ? { by: by.staff } : {}) } as const
    const answer = await own.write(command)
    if (isRefusal(answer)) return answer
    notes.setNote('staff', JSON.stringify({ ...people(), [number]: { name, pin: hash } }))
    setFailed(number, { count: 0, until_ms: 0, at_ms: 0 })
    news.next({ kind: 'staff' })
    return list()
  }

  const dismiss = async (number: string, by: Approval): Promise<StaffList | Refusal> => {
    const refused = await approved(by)
    if (refused) return refused
    const answer = await own.write({ type: 'DismissStaff', staff: number, by: by.staff })
    if (isRefusal(answer)) return answer
    const { [number]: _, ...rest } = people()
    notes.setNote('staff', JSON.stringify(rest))
    news.next({ kind: 'staff' })
    return list()
  }

  const signOn = async (cashier: string, pin: string): Promise<StaffList | Refusal> => {
    const refused = await check(cashier, pin)
    if (refused) return refused
    const answer = await own.write({ type: 'SignOn', cashier })
    news.next({ kind: 'staff' })
    return isRefusal(answer) ? answer : list()
  }

  const signOff = async (): Promise<StaffList | Refusal> => {
    const answer = await own.write({ type: 'SignOff' })
    news.next({ kind: 'staff' })
    return isRefusal(answer) ? answer : list()
  }

  const list = () => {
    const names = people()
    const person = (number: string) => ({
      staff: number,
      name: Object.hasOwn(names, number) ? (names[number]?.name ?? '') : '',
    })
    return {
      staff: [...till.staff].map(([number, role]) => ({ ...person(number), role })),
      cashier: till.cashier === undefined ? null : person(till.cashier),
      /** Nobody can approve anything yet: the next one who is set up is a supervisor, and needs no approval. */
      first: !hasSupervisor(till),
    }
  }
  type StaffList = ReturnType<typeof list>

  return { check, appoint, dismiss, signOn, signOff, list }
}

const throttled = (wait_ms: number): Refusal => ({
  reason: 'PinThrottled',
  message: `Too many wrong PINs: wait ${Math.ceil(wait_ms / 1000)} seconds, then try again.`,
  wait_s: Math.ceil(wait_ms / 1000),
})

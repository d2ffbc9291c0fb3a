import type { FaultKind, faultSteps } from './faults.ts'
import type { auditor, Phone } from './invariants.ts'
import type { dice, World } from './world.ts'

/** What a step of a simulated world has before it, which steps there are, and how often each comes. */

type Chance = ReturnType<typeof dice>
export type Scene = {
  readonly world: World
  readonly audit: ReturnType<typeof auditor>
  readonly phones: Phone[]
  readonly centres: number
  /** Of this step alone, so that another step left out changes nothing in it. */
  readonly chance: () => Chance
  /** Counts a fault that a step is by itself. */
  readonly befell: (kind: FaultKind, how?: string) => void
  /** Without faults of messages and disks: for what people do at a centre, and ask again until it is done. */
  readonly calmly: <Answer>(act: () => Promise<Answer>) => Promise<Answer>
  readonly count: (outcome: string) => void
}

/** What people do, and how often each is chosen. */
export const usualSteps = {
  tap: 42,
  key: 10,
  sync: 13,
  network: 7,
  clock: 6,
  cancel: 3,
  reverse: 6,
  day: 3,
  repay: 2,
  'restart terminal': 2,
  'restart phones': 2,
  'restart centre': 1,
  'late message': 4,
  'look after': 3,
  renew: 2,
} as const
export type StepName = keyof typeof usualSteps | (typeof faultSteps)[number]
export type Steps<Name extends StepName> = Record<Name, (id: string) => Promise<void>>

import type { Decider, Refusal } from '#canonical/decider'
import type { Currency } from '#money'
import type { DecreeEvent } from './decrees.ts'

/**
 * `rules`: the documents under which terminals work, each signed for the version that comes next. One count of versions
 * for all policies, and one for all fare tables: a terminal that moves to a shop of another currency never meets a
 * lower one than it holds.
 */

/* ------------------------------------------------------------------ words */

type Document = {
  readonly version: number
  readonly hash: string
  readonly document: string
  /** Absent where a document is only signed anew. */
  readonly reason?: string | undefined
}
export type DenyEntries = { readonly licenses: readonly string[]; readonly cards: readonly string[] }

export type RulemakingCommand =
  | ({ readonly type: 'PublishPolicy'; readonly currency: Currency } & Document)
  | ({ readonly type: 'ChangeDenyList'; readonly added: DenyEntries; readonly removed: DenyEntries } & Document)
  | ({ readonly type: 'PublishFareTable'; readonly merchant: string; readonly currency: Currency } & Document)

export type RulemakingEvent = Extract<
  DecreeEvent,
  { type: 'PolicyPublished' | 'DenyListChanged' | 'FareTablePublished' }
>

export type RulemakingRefusal = Refusal & { readonly reason: 'VersionTaken' | 'DenyListMoved' }

/* ------------------------------------------------------------------ state */

export type Rulemaking = {
  /** The newest of each currency, in the order of their versions. */
  readonly policies: readonly (Document & { readonly currency: Currency })[]
  readonly denyList:
    | (Document & { readonly licenses: ReadonlySet<string>; readonly cards: ReadonlySet<string> })
    | undefined
  /** The newest of each merchant, in the order of their versions. */
  readonly fareTables: readonly (Document & { readonly merchant: string; readonly currency: Currency })[]
}

const nothing: Rulemaking = { policies: [], denyList: undefined, fareTables: [] }

/** The version that the next document of this kind bears. */
export const nextVersion = (state: Rulemaking, kind: 'policy' | 'denyList' | 'fareTable'): number => {
  if (kind === 'denyList') return (state.denyList?.version ?? 0) + 1
  const published: readonly Document[] = kind === 'policy' ? state.policies : state.fareTables
  return (published.at(-1)?.version ?? 0) + 1
}

/* ----------------------------------------------------------------- decide */

const decide = (command: RulemakingCommand, state: Rulemaking): readonly RulemakingEvent[] | RulemakingRefusal => {
  const { type: _, version, hash, document, reason } = command
  const said = { version, hash, document, ...(reason === undefined ? {} : { reason }) }
  switch (command.type) {
    case 'PublishPolicy':
      if (state.policies.at(-1)?.hash === hash) return []
      return (
        taken('policy', version, nextVersion(state, 'policy')) ?? [
          { type: 'PolicyPublished', data: { ...said, currency: command.currency } },
        ]
      )

    case 'ChangeDenyList': {
      if (state.denyList?.hash === hash) return []
      const next = nextVersion(state, 'denyList')
      const refused = taken('deny list', version, next) ?? moved(command, state)
      if (refused) return refused
      const { added, removed } = command
      return [{ type: 'DenyListChanged', data: { ...said, added: copied(added), removed: copied(removed) } }]
    }

    case 'PublishFareTable':
      if (state.fareTables.at(-1)?.hash === hash) return []
      return (
        taken('fare table', version, nextVersion(state, 'fareTable')) ?? [
          { type: 'FareTablePublished', data: { ...said, merchant: command.merchant, currency: command.currency } },
        ]
      )
  }
}

const copied = ({ licenses, cards }: DenyEntries) => ({ licenses: [...licenses], cards: [...cards] })

/** A version is signed before it is published: who was slower signs the next one. */
const taken = (kind: string, version: number, next: number): RulemakingRefusal | undefined =>
  version === next
    ? undefined
    : {
        reason: 'VersionTaken',
        message: `The next ${kind} is version ${next}, not ${version}: sign it for that version and publish it again.`,
        version,
        next,
      }

/** What is added must not be there, what is removed must be: else the change was made of another list. */
const moved = (
  { added, removed }: { readonly added: DenyEntries; readonly removed: DenyEntries },
  { denyList }: Rulemaking,
): RulemakingRefusal | undefined => {
  for (const kind of ['licenses', 'cards'] as const) {
    const held = denyList?.[kind]
    const entry = added[kind].find(entry => held?.has(entry)) ?? removed[kind].find(entry => !held?.has(entry))
    if (entry !== undefined)
      return {
        reason: 'DenyListMoved',
        message: `The change was made of another deny list than version ${denyList?.version ?? 0}, in which ${entry} ${held?.has(entry) ? 'stands' : 'does not stand'}: read the list and change it again.`,
        entry,
        version: denyList?.version ?? 0,
      }
  }
  return undefined
}

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Rulemaking, event: RulemakingEvent): Rulemaking => {
  switch (event.type) {
    case 'PolicyPublished': {
      // Before 0.3.0 there was one policy, and it was in EUR.
      const policy = { ...event.data, currency: event.data.currency ?? 'EUR' }
      return { ...state, policies: [...state.policies.filter(({ currency }) => currency !== policy.currency), policy] }
    }
    case 'DenyListChanged': {
      const { added, removed, ...document } = event.data
      const [licenses, cards] = (['licenses', 'cards'] as const).map(kind => {
        const held = new Set(state.denyList?.[kind])
        for (const entry of removed[kind]) held.delete(entry)
        for (const entry of added[kind]) held.add(entry)
        return held
      }) as [Set<string>, Set<string>]
      return { ...state, denyList: { ...document, licenses, cards } }
    }
    case 'FareTablePublished': {
      const others = state.fareTables.filter(({ merchant }) => merchant !== event.data.merchant)
      return { ...state, fareTables: [...others, event.data] }
    }
  }
}

export const rulemaking: Decider<Rulemaking, RulemakingCommand, RulemakingEvent, RulemakingRefusal> = {
  initialState: nothing,
  decide,
  evolve,
}

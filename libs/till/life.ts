import type { Refusal } from '#canonical/decider'
import type { Order } from './commands.ts'
import type { TillEvent } from './events.ts'
import type { Till } from './state.ts'

/** What befalls a terminal beside its sales: its beginning, its rules, and what the centre says of its log. */

export const commission = (till: Till, command: Order<'Commission'>): TillEvent[] => {
  if (till.commissioned) return []
  const { type: _, ...data } = command
  return [{ type: 'TerminalCommissioned', data }]
}

const ruleKinds = ['policy', 'denyList', 'keySet', 'fareTable'] as const
type Versioned = { readonly version: number; readonly hash: string } | undefined

const notNewer = (kind: string, held: Versioned, offered: Versioned): Refusal | undefined => {
  if (!held || !offered || held.hash === offered.hash || offered.version > held.version) return undefined
  const { version } = offered
  if (version < held.version)
    return {
      reason: 'RulesWentBack',
      message: `The ${kind} offered is version ${version}; this terminal holds ${held.version}. A version never goes down: the centre was restored from an old copy, or somebody replays one.`,
      kind,
      offered: version,
      held: held.version,
    }
  return {
    reason: 'RulesContradicted',
    message: `The ${kind} offered is another version ${version} than this terminal holds: a version is signed once. It keeps its own; the centre was restored from an old copy, or two sign in its name.`,
    kind,
    version,
  }
}

export const adoptRules = (till: Till, command: Order<'AdoptRules'>): TillEvent[] | Refusal => {
  const { type: _, ...rules } = command
  const held = till.rules
  if (held) {
    const refused = ruleKinds.map(kind => notNewer(kind, held[kind], rules[kind])).find(each => each !== undefined)
    if (refused) return refused
    if (ruleKinds.every(kind => rules[kind]?.hash === held[kind]?.hash)) return []
  }
  return [{ type: 'RulesAdopted', data: rules }]
}

/** What an assignment says; one that says the same is no other. */
const assigned = ['shop', 'shopName', 'zone', 'standing', 'reason'] as const

export const adoptAssignment = (till: Till, command: Order<'AdoptAssignment'>): TillEvent[] | Refusal => {
  const { type: _, ...offered } = command
  const held = till.assignment
  if (held && offered.issued < held.issued)
    return {
      reason: 'AssignmentWentBack',
      message: `The centre's word on this terminal that was offered is older than the one it holds: it keeps the newer. The centre was restored from an old copy, or somebody replays one.`,
      offered: offered.issued,
      held: held.issued,
    }
  if (held && assigned.every(field => held[field] === offered[field])) return []
  return [{ type: 'AssignmentAdopted', data: offered }]
}

export const adoptCertificate = (till: Till, command: Order<'AdoptCertificate'>): TillEvent[] => {
  const { type: _, ...data } = command
  return command.certificate === (till.certificate ?? till.commissioned?.certificate)
    ? []
    : [{ type: 'CertificateAdopted', data }]
}

export const acknowledgeByCentre = (till: Till, command: Order<'AcknowledgeByCentre'>): TillEvent[] => {
  const { type: _, ...data } = command
  return command.checkpoint === till.checkpoint ? [] : [{ type: 'CentreAcknowledged', data }]
}

export const refuseCheckpoint = (till: Till, command: Order<'RefuseCheckpoint'>): TillEvent[] => {
  const { type: _, ...data } = command
  return command.offered === till.refused ? [] : [{ type: 'CheckpointRefused', data }]
}

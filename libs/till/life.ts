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

export const adoptRules = (till: Till, command: Order<'AdoptRules'>): TillEvent[] | Refusal => {
  const { type: _, ...rules } = command
  const held = till.rules
  if (held) {
    for (const kind of ['policy', 'denyList', 'keySet'] as const)
      if (rules[kind].version < held[kind].version)
        return {
          reason: 'RulesWentBack',
          message: `The ${kind} offered is version ${rules[kind].version}; this terminal holds ${held[kind].version}. A version never goes down: the centre was restored from an old copy, or somebody replays one.`,
          kind,
          offered: rules[kind].version,
          held: held[kind].version,
        }
    if ((['policy', 'denyList', 'keySet'] as const).every(kind => rules[kind].hash === held[kind].hash)) return []
  }
  return [{ type: 'RulesAdopted', data: rules }]
}

export const acknowledgeByCentre = (till: Till, command: Order<'AcknowledgeByCentre'>): TillEvent[] => {
  const { type: _, ...data } = command
  return command.checkpoint === till.checkpoint ? [] : [{ type: 'CentreAcknowledged', data }]
}

export const refuseCheckpoint = (till: Till, command: Order<'RefuseCheckpoint'>): TillEvent[] => {
  const { type: _, ...data } = command
  return command.offered === till.refused ? [] : [{ type: 'CheckpointRefused', data }]
}

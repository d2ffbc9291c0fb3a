import type { Refusal } from '#canonical/decider'
import type { Policy } from '#license/rules'
import type { Override } from './commands.ts'
import { isOverridable } from './reasons.ts'
import type { Till } from './state.ts'

/** Why this supervisor may not let this rule pass; undefined where it is lawful, as the log alone shows. */
export const refuseOverride = (
  till: Pick<Till, 'staff'>,
  policy: Policy | undefined,
  { rule, supervisor }: Override,
): Refusal | undefined => {
  if (!(isOverridable(rule) && policy?.overridable?.includes(rule)))
    return {
      reason: 'OverrideNotAllowed',
      message: `The policy lets nobody override ${rule}: ask for another means of payment.`,
      rule,
    }
  return notASupervisor(till, supervisor)
}

export const notASupervisor = (till: Pick<Till, 'staff'>, staff: string | undefined): Refusal | undefined =>
  staff !== undefined && till.staff.get(staff) === 'supervisor'
    ? undefined
    : {
        reason: 'NotASupervisor',
        message: `${staff === undefined ? 'Nobody' : `Number ${staff}`} is a supervisor of this till here: call one who is.`,
        ...(staff === undefined ? {} : { staff }),
      }

import type { Refusal } from '#canonical/decider'
import type { Order } from './commands.ts'
import type { TillEvent } from './events.ts'
import { notASupervisor } from './override.ts'
import type { Till } from './state.ts'

/** Who works at this till. The log knows numbers and roles; names and PINs are kept beside it. */

/** Digits only: a name would enter a log that is never edited. */
const numbered = /^[0-9]{1,6}$/

export const hasSupervisor = (till: Pick<Till, 'staff'>): boolean => [...till.staff.values()].includes('supervisor')

export const appointStaff = (till: Till, { staff, role, by }: Order<'AppointStaff'>): TillEvent[] | Refusal => {
  if (!numbered.test(staff))
    return {
      reason: 'StaffNumberMalformed',
      message: 'A number of staff is one to six digits: names are kept out of the log.',
    }
  if (hasSupervisor(till)) {
    const refused = notASupervisor(till, by)
    if (refused) return refused
  } else if (role !== 'supervisor')
    return {
      reason: 'SupervisorFirst',
      message: 'The first to be set up on a till is a supervisor: nobody else could set up the others.',
    }
  if (role === 'cashier' && isLastSupervisor(till, staff)) return lastSupervisor(staff)
  return [{ type: 'StaffAppointed', data: { staff, role, ...(by === undefined ? {} : { by }) } }]
}

export const dismissStaff = (till: Till, { staff, by }: Order<'DismissStaff'>): TillEvent[] | Refusal => {
  const refused = notASupervisor(till, by)
  if (refused) return refused
  if (!till.staff.has(staff)) return []
  if (isLastSupervisor(till, staff)) return lastSupervisor(staff)
  const off: TillEvent[] = till.cashier === staff ? [{ type: 'CashierSignedOff', data: { cashier: staff } }] : []
  return [...off, { type: 'StaffDismissed', data: { staff, by } }]
}

export const signOn = (till: Till, { cashier }: Order<'SignOn'>): TillEvent[] | Refusal => {
  if (!till.staff.has(cashier))
    return {
      reason: 'StaffUnknown',
      message: `Number ${cashier} is not set up on this till: a supervisor can set it up.`,
      staff: cashier,
    }
  if (till.cashier === cashier) return []
  return [...signOff(till), { type: 'CashierSignedOn', data: { cashier } }]
}

export const signOff = (till: Till): TillEvent[] =>
  till.cashier === undefined ? [] : [{ type: 'CashierSignedOff', data: { cashier: till.cashier } }]

/** A till with staff sells and gives back under somebody's name only. */
export const nobodySignedOn = (till: Pick<Till, 'staff' | 'cashier'>): Refusal | undefined =>
  till.staff.size > 0 && till.cashier === undefined
    ? { reason: 'NoCashier', message: 'Nobody is signed on at this till: sign on with your number and PIN first.' }
    : undefined

const isLastSupervisor = (till: Till, staff: string): boolean =>
  till.staff.get(staff) === 'supervisor' &&
  [...till.staff].every(([other, role]) => other === staff || role !== 'supervisor')

const lastSupervisor = (staff: string): Refusal => ({
  reason: 'LastSupervisor',
  message: `Number ${staff} is the only supervisor of this till: set up another one first.`,
  staff,
})

import { expect, it } from 'vitest'
import type { OperatorEvent } from '#operator'
import { approvesAfter_ms, waitsOf } from '#operator/approving'

const start = Date.UTC(2026, 10, 23, 9)
const told = (event: OperatorEvent, by: string, at_ms = start) => ({ ...event, by, at: new Date(at_ms).toISOString() })
const password: OperatorEvent = { type: 'PasswordSet', data: { operator: 'paul', oneTime: true } }
const role: OperatorEvent = { type: 'OperatorRoleSet', data: { operator: 'paul', role: 'approver' } }
const added: OperatorEvent = { type: 'OperatorAdded', data: { operator: 'paul', role: 'approver' } }
const back: OperatorEvent = { type: 'OperatorReinstated', data: { operator: 'paul', reason: 'well again' } }

it.each([
  ['added by somebody else', added, 'operator:anna', 1],
  ['a role by somebody else', role, 'operator:anna', 1],
  ['a password by somebody else', password, 'operator:anna', 1],
  ['a password at the command line', password, 'centre:command-line', 1],
  ['a role at the command line', role, 'centre:command-line', 1],
  ['a password by oneself', password, 'operator:paul', 0],
  ['the first start’s password', password, 'centre:first-start', 0],
  ['reinstated', back, 'operator:anna', 0],
])('%s: by %j it waits %j', (_, event, by, waits) => {
  expect(waitsOf('paul', [told(event, by)], start)).toHaveLength(waits)
})

it('waits a day to the millisecond, and one’s own password in between ends nothing', () => {
  const events = [told(password, 'operator:anna'), told(password, 'operator:paul', start + 1000)]
  const until_ms = start + approvesAfter_ms
  expect(waitsOf('paul', events, until_ms - 1)).toEqual([{ givenBy: 'operator:anna', until_ms }])
  expect(waitsOf('paul', events, until_ms)).toEqual([])
})

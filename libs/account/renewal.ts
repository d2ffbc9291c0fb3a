import { type Decider, isRefusal } from '#canonical/decider'
import { type AccountCommand, type AccountRefusal, account } from './account.ts'
import type { AccountEvent } from './events.ts'
import type { Account } from './state.ts'

/**
 * A renewal on the account's own stream: what the phone has left of the old hold is freed, and the new one is taken, in
 * one append or not at all. Between the two no other phone takes the credit, and a phone whose renewal is refused has
 * lost nothing.
 */
export type RenewalCommand = {
  readonly free: Extract<AccountCommand, { type: 'FreeAllowance' }>
  readonly grant: Extract<AccountCommand, { type: 'GrantAllowance' }>
}

const decide = ({ free, grant }: RenewalCommand, state: Account): readonly AccountEvent[] | AccountRefusal => {
  const freed = account.decide(free, state)
  if (isRefusal(freed)) return freed
  const granted = account.decide(grant, freed.reduce(account.evolve, state))
  return isRefusal(granted) ? granted : [...freed, ...granted]
}

export const renewal: Decider<Account, RenewalCommand, AccountEvent, AccountRefusal> = {
  initialState: account.initialState,
  decide,
  evolve: account.evolve,
}

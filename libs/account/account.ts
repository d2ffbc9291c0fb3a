import type { Decider } from '#canonical/decider'
import { type AllowanceCommand, type AllowanceRefusal, decideAllowance } from './allowance.ts'
import type { AccountEvent } from './events.ts'
import { decideProposal, type ProposalCommand, type ProposalRefusal } from './proposals.ts'
import { decideRepayment, type RepaymentCommand, type RepaymentRefusal } from './repayments.ts'
import { decideStanding, type StandingCommand, type StandingRefusal } from './standing.ts'
import { type Account, evolve, initialState } from './state.ts'
import { decideWriteOff, type WriteOffCommand, type WriteOffRefusal } from './write-offs.ts'

/** A credit account: one decider, whose orders are in five files by what they are about. */

export type AccountCommand = StandingCommand | AllowanceCommand | RepaymentCommand | WriteOffCommand | ProposalCommand
export type AccountRefusal = StandingRefusal | AllowanceRefusal | RepaymentRefusal | WriteOffRefusal | ProposalRefusal

const decide = (command: AccountCommand, state: Account): readonly AccountEvent[] | AccountRefusal => {
  const { account } = command
  if (state.account === undefined && command.type !== 'OpenAccount')
    return { reason: 'AccountUnknown', message: `No account ${account} was opened: open it first.`, account }
  switch (command.type) {
    case 'OpenAccount':
    case 'SetCreditLimit':
    case 'SetAccountTerms':
    case 'SuspendAccount':
    case 'ReinstateAccount':
    case 'BeginClosing':
    case 'CloseAccount':
    case 'NoteErasure':
      return decideStanding(command, state)
    case 'GrantAllowance':
    case 'CoverAllowance':
    case 'FreeAllowance':
    case 'ReleaseAllowance':
      return decideAllowance(command, state)
    case 'ReceiveRepayment':
    case 'RecoverDebt':
      return decideRepayment(command, state)
    case 'ProposeWriteOff':
    case 'RejectWriteOff':
    case 'ApproveWriteOff':
      return decideWriteOff(command, state)
    case 'ProposeAccountOrder':
    case 'RejectAccountOrder':
    case 'ApproveAccountOrder':
      return decideProposal(command, state)
  }
}

export const account: Decider<Account, AccountCommand, AccountEvent, AccountRefusal> = { initialState, decide, evolve }

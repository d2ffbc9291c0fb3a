import { type Currency, minorUnits } from '#money'
import type { DataOf, TradeEvent } from './vocabulary.ts'

/**
 * The ledger is a fold. One event becomes postings that sum to zero per currency in each book, and needs nothing beside
 * itself for that: a verdict carries every amount, version and owner.
 *
 * *Money* is who owes whom. *Commitments* is what was promised. No posting crosses them.
 */
export type Book = 'money' | 'commitments'
export type Side = 'debit' | 'credit'

export type Posting = {
  readonly book: Book
  /** `payer:acc-1`, `merchant:m-1`, `fees`: a kind, and a name where there are many of it. */
  readonly account: string
  readonly currency: Currency
  readonly side: Side
  /** Minor units, more than zero. */
  readonly amount: bigint
}

export const postingsOf = (event: TradeEvent): readonly Posting[] => {
  switch (event.type) {
    case 'AllowanceGranted': {
      const { account, license, currency, amount } = event.data
      return pair('commitments', currency, `allowance:${license}`, `commitment:${account}`, amount)
    }
    case 'AllowanceReleased': {
      const { account, license, currency, amount, overdrawn = '0' } = event.data
      const [commitment, allowance] = [`commitment:${account}`, `allowance:${license}`]
      return [
        ...pair('commitments', currency, commitment, allowance, amount),
        ...pair('commitments', currency, allowance, commitment, overdrawn),
      ]
    }
    case 'RepaymentReceived': {
      const { account, source, currency, amount } = event.data
      return pair('money', currency, `clearing:${source}`, `payer:${account}`, amount)
    }
    case 'RepaymentReturned':
    case 'PayerPaidOut': {
      const { account, source, currency, amount } = event.data
      return pair('money', currency, `payer:${account}`, `clearing:${source}`, amount)
    }
    case 'DebtWrittenOff': {
      const { account, currency, losses, merchants } = event.data
      return [
        ...pair('money', currency, 'losses', `payer:${account}`, losses),
        ...merchants.flatMap(({ merchant, amount }) =>
          pair('money', currency, `merchant:${merchant}`, `payer:${account}`, amount),
        ),
      ]
    }
    case 'DebtRecovered': {
      const { source, currency, amount } = event.data
      return pair('money', currency, `clearing:${source}`, 'recoveries', amount)
    }
    case 'MerchantPaidIn': {
      const { merchant, source, currency, amount } = event.data
      return pair('money', currency, `clearing:${source}`, `merchant:${merchant}`, amount)
    }
    case 'AdjustmentApproved':
      return event.data.lines.map(({ account, currency, side, amount }) => ({
        book: 'money',
        account,
        currency,
        side,
        amount: minorUnits(amount),
      }))
    case 'PaymentAccepted':
      return charged(event.data, event.data.account, event.data.license)
    case 'PaymentHeld': {
      const { payment, currency, gross } = event.data
      return pair('money', currency, `suspense:${payment}`, `withheld:${payment}`, gross)
    }
    case 'HeldPaymentDecided':
      return decided(event.data)
    case 'ReversalAccepted': {
      const { merchant, account } = event.data
      return givenBack(event.data, `merchant:${merchant}`, `payer:${account}`)
    }
    case 'ReversalHeld': {
      const { merchant, payment, reversal, currency, amount } = event.data
      return pair('money', currency, `merchant:${merchant}`, suspenseOf(payment, reversal), amount)
    }
    case 'ReversalReleased': {
      const { payment, reversal, account } = event.data
      return givenBack(event.data, suspenseOf(payment, reversal), `payer:${account}`)
    }
    case 'ReversalRefused': {
      const { payment, reversal, merchant, currency, amount } = event.data
      return pair('money', currency, suspenseOf(payment, reversal), `merchant:${merchant}`, amount)
    }

    case 'PaymentUnclaimed': {
      const { payment, license, currency, amount } = event.data
      return pair('commitments', currency, `unclaimed:${payment}`, `allowance:${license}`, amount)
    }
    case 'UnclaimedReleased': {
      const { payment, account, currency, amount } = event.data
      return pair('commitments', currency, `commitment:${account}`, `unclaimed:${payment}`, amount)
    }

    // What a terminal wrote is a fact about the shop: it moves nothing until the centre's verdict.
    case 'AssignmentAdopted':
    case 'CashierSignedOff':
    case 'CashierSignedOn':
    case 'CentreAcknowledged':
    case 'CertificateAdopted':
    case 'CheckpointRefused':
    case 'ClockObserved':
    case 'DayClosed':
    case 'DayOpened':
    case 'DayRolledOver':
    case 'DeductionRequested':
    case 'LicenseRejected':
    case 'LicenseVerified':
    case 'PayloadDecrypted':
    case 'PayloadRejected':
    case 'ReceiptReprinted':
    case 'RefundRecorded':
    case 'RulesAdopted':
    case 'StaffAppointed':
    case 'StaffDismissed':
    case 'SupervisorOverrode':
    case 'TapResolved':
    case 'TapStarted':
    case 'TapTorn':
    case 'TerminalCommissioned':
    case 'TransactionDeclined':
    case 'TransactionRecorded':
    case 'TransactionVoided':
      return []

    // A license that ended keeps its hold: taps made while it stood may be on their way.
    case 'LicenseExpired':
    case 'LicenseIssued':
    case 'LicenseRevoked':
      return []

    // What a phone hands over is testimony: a verdict makes money of it.
    case 'PhoneActivated':
    case 'PhoneInvited':
    case 'PhoneTestified':
      return []

    case 'AccountClosed':
    case 'AccountClosing':
    case 'AccountOpened':
    case 'AccountOrderProposed':
    case 'AccountOrderRejected':
    case 'AdjustmentProposed':
    case 'AdjustmentRejected':
    case 'AccountReinstated':
    case 'AccountSuspended':
    case 'AccountTermsSet':
    case 'BatchAccepted':
    case 'BatchPartQuarantined':
    case 'BatchQuarantined':
    case 'CertificateRenewed':
    case 'CreditBoundProposed':
    case 'CreditBoundRejected':
    case 'CreditBoundSet':
    case 'CreditLimitSet':
    case 'DeliveryFailed':
    case 'DeliveryLeased':
    case 'DeliveryMade':
    case 'DenyListChanged':
    case 'EventSkipped':
    case 'ExceptionRaised':
    case 'ExceptionResolved':
    case 'FollowerRetried':
    case 'FollowerStopped':
    case 'ForkDetected':
    case 'HeldDecisionApproved':
    case 'HeldDecisionProposed':
    case 'CentreFounded':
    case 'CentreWentBack':
    case 'OperatorAdded':
    case 'OperatorReinstated':
    case 'OperatorRoleSet':
    case 'OperatorSuspended':
    case 'OriginOrdered':
    case 'PasswordSet':
    case 'HourStruck':
    case 'FareTablePublished':
    case 'InvitationCancelled':
    case 'KeyCompromised':
    case 'KeyIntroduced':
    case 'KeyRetired':
    case 'KeySetPublished':
    case 'TacMasterIntroduced':
    case 'MerchantOpened':
    case 'MerchantTermsSet':
    case 'PersonErased':
    case 'PolicyPublished':
    case 'ProposalWithdrawn':
    case 'QuarantineRejected':
    case 'QuarantineReleased':
    case 'ReversalRefusalProposed':
    case 'ReversalReleaseProposed':
    case 'ShopOpened':
    case 'ShopRenamed':
    case 'TerminalAssigned':
    case 'TerminalEnrolled':
    case 'TerminalInvited':
    case 'VerdictRuleAdopted':
    case 'TerminalLost':
    case 'TerminalMoved':
    case 'TerminalReinstated':
    case 'TerminalRenamed':
    case 'TerminalReplaced':
    case 'TerminalRetired':
    case 'TerminalSuspended':
    case 'TerminalUnassigned':
    case 'WriteOffProposed':
    case 'WriteOffRejected':
    case 'ZoneSet':
      return []
  }
}

/** Dr `debit` · Cr `credit`; nothing for an amount of zero. */
const pair = (book: Book, currency: Currency, debit: string, credit: string, text: string): Posting[] => {
  const amount = minorUnits(text)
  if (amount === 0n) return []
  return [
    { book, account: debit, currency, side: 'debit', amount },
    { book, account: credit, currency, side: 'credit', amount },
  ]
}

type Charge = Pick<
  DataOf<'PaymentAccepted'>,
  'payment' | 'merchant' | 'currency' | 'gross' | 'within' | 'unclaimed' | 'fee' | 'tax'
>

/** A reversal's id is its terminal's choice: two payments may bear the same one. */
const suspenseOf = (payment: string, reversal: string): string => `suspense:${payment}/${reversal}`

const charged = (charge: Charge, account: string, license: string): Posting[] => {
  const { payment, merchant, currency, gross, within, unclaimed = '0', fee, tax } = charge
  const fromHold = (minorUnits(within) - minorUnits(unclaimed)).toString()
  return [
    ...pair('commitments', currency, `commitment:${account}`, `unclaimed:${payment}`, unclaimed),
    ...pair('commitments', currency, `commitment:${account}`, `allowance:${license}`, fromHold),
    ...pair('money', currency, `payer:${account}`, `merchant:${merchant}`, gross),
    ...pair('money', currency, `merchant:${merchant}`, 'fees', fee),
    ...pair('money', currency, `merchant:${merchant}`, 'tax', tax),
  ]
}

const decided = (data: DataOf<'HeldPaymentDecided'>): Posting[] => {
  const { payment, merchant, account, license, currency, gross } = data
  const freed = pair('money', currency, `withheld:${payment}`, `suspense:${payment}`, gross)
  switch (data.bears) {
    case 'payer':
      // The decider refuses a payer that nobody can name.
      return [...freed, ...charged(data, account as string, license as string)]
    case 'merchant':
      return freed
    case 'operator':
      return [...freed, ...pair('money', currency, 'losses', `merchant:${merchant}`, gross)]
  }
}

const givenBack = (data: DataOf<'ReversalAccepted'>, from: string, to: string): Posting[] => {
  const { merchant, currency, amount, feeBack, taxBack } = data
  return [
    ...pair('money', currency, from, to, amount),
    ...pair('money', currency, 'fees', `merchant:${merchant}`, feeBack),
    ...pair('money', currency, 'tax', `merchant:${merchant}`, taxBack),
  ]
}

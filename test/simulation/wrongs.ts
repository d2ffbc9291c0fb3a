import { type Said, word } from './oracle.ts'

/** What thieves and clocks did in this world, so that an exception can be held against it: each must name a real one. */

export type PaymentSeen = {
  readonly license: string
  readonly terminal: string
  /** The centre has taken it in, from a terminal or from its phone. */
  readonly isIn: boolean
  /** Its terminal's log says that it recorded it. */
  readonly isRecorded: boolean
}

export const wrongs = () => {
  /** Licenses by which more than one memory pays. */
  const doubled = new Set<string>()
  /** Revoked licenses, with the version of the deny list that names each. */
  const denied = new Map<string, number>()
  /** Terminals of which there were two, or one that began again. */
  const copied = new Set<string>()
  /** Terminals that the centre took out of service, for a while or for good. */
  const suspended = new Set<string>()
  /** Purposes whose key somebody stole. */
  const stolen = new Set<string>()
  /** Terminals whose clocks were wrong by years. */
  const clocks = new Set<string>()

  const isReal = (kind: string, payment: PaymentSeen | undefined, concerns: readonly string[]): boolean => {
    const isOf = (terminals: ReadonlySet<string>): boolean =>
      (payment !== undefined && terminals.has(payment.terminal)) || concerns.some(each => terminals.has(each))
    switch (kind) {
      // A copy pays on from the counter that it was made at.
      case 'CounterSkipped':
        return concerns.some(each => doubled.has(each))
      case 'CounterReused':
      case 'OverAllowance':
        return payment !== undefined && doubled.has(payment.license)
      case 'DenyListedAtTap':
        return (payment !== undefined && denied.has(payment.license)) || isOf(clocks)
      case 'LicenseInvalidAtTap':
        return stolen.has('license') || isOf(clocks)
      case 'CertificateExpiredAtTap':
      case 'LateArrival':
        return isOf(clocks)
      case 'Fork':
        return isOf(copied)
      case 'Duplicate':
      case 'RefundWithoutOriginal':
      case 'RefundExceedsOriginal':
        return isOf(copied)
      case 'Held':
        return isOf(copied) || isOf(suspended)
      case 'UndeliveredPayment':
        return payment !== undefined && !payment.isIn
      case 'UnclaimedPayment':
        return payment !== undefined && (!payment.isRecorded || isOf(copied))
      default:
        return false
    }
  }

  return {
    doubled,
    denied,
    copied,
    suspended,
    stolen,
    clocks,
    /** Why this may be in the log of a world in which nothing else went wrong. */
    isReal: (event: Said, paymentOf: (hash: string) => PaymentSeen | undefined): boolean => {
      switch (event.type) {
        case 'ExceptionRaised': {
          const concerns = event.data['concerns'] as readonly string[]
          const payment = concerns.map(paymentOf).find(each => each !== undefined)
          return isReal(word(event, 'kind'), payment, concerns)
        }
        case 'ForkDetected':
          return copied.has(word(event, 'terminal'))
        case 'ReversalHeld': {
          const terminal = word(event, 'terminal')
          const reason = word(event, 'reason')
          return copied.has(terminal) || (reason === 'TerminalSuspended' && suspended.has(terminal))
        }
        case 'PaymentHeld':
          return copied.has(paymentOf(word(event, 'payment'))?.terminal ?? '')
        default:
          return true
      }
    },
  }
}

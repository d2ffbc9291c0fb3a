import type { Sale } from './answers.ts'

/** What a cashier says to the customer, and what to do next. The machine's own words stand below, for who is called. */
export interface Advice {
  readonly say: string
  readonly next: string
}

const otherMeans = 'Ask for another way to pay.'
const smaller = 'Start a new sale with a smaller amount, or ask for another way to pay.'
const tapAgain = 'Let the phone tap again.'
const syncFirst = 'Switch the network on and press "Sync now". Then let the phone tap again.'
const callHelp = 'Call whoever looks after this till.'

// The first pattern that fits wins. A reason that nobody thought of still gets the server's sentence.
const advices: readonly (readonly [RegExp, string, string])[] = [
  [/^AllowanceExceeded$/, 'Not enough credit left on the phone.', smaller],
  [/^(Transaction|Floor|Phone)Limit/, 'The amount is too large for a payment without network.', smaller],
  [/^Offline(Count|Sum)/, 'This phone has paid too often without network.', `It must go online once. ${otherMeans}`],
  [/^(Stored(Count|Sum)|SyncTooLongAgo)/, 'This till has to send its sales first.', syncFirst],
  [/^(Policy|DenyList|KeySet)(Missing|TooOld)/, 'This till’s rules are too old.', syncFirst],
  [
    /^TerminalSuspended/,
    'This till is suspended.',
    `It takes no payments until the back office reinstates it. ${callHelp}`,
  ],
  [/^TerminalReplaced/, 'Another till has taken this one’s place.', 'Sell there, and hand this one in.'],
  [/^Terminal(Lost|Retired)/, 'This till is out of service.', 'Hand it in. What was taken here is kept.'],
  [/^CertificateExpired/, 'This till has been without network for too long.', syncFirst],
  [/^ClockBehind/, 'This till’s clock is wrong.', `${callHelp} It takes no payments until then.`],
  [/^StoreFailed/, 'This till cannot write its log.', `Nothing was recorded. ${callHelp}`],
  [/^Day/, 'The day is not open on this till.', 'Start a new sale after opening the day.'],
  [
    /^LicenseDenied|Compromised/,
    'This phone has been blocked.',
    `${otherMeans} The customer can ask their credit provider why.`,
  ],
  [
    /^LicenseExpired/,
    'The phone’s permission to pay has run out.',
    `It must go online once to renew it. ${otherMeans}`,
  ],
  [/^LicenseNotYetValid/, 'The phone’s permission to pay does not begin yet.', otherMeans],
  [/Locked/, 'The phone is locked.', 'Ask the customer to unlock it and tap again.'],
  [/^HolderRefused/, 'The customer said no on the phone.', 'Start a new sale, or ask for another way to pay.'],
  [
    /^Consent/,
    'The customer has not agreed on the phone yet.',
    'Ask the customer to agree on the phone and tap again.',
  ],
  [
    /^EarlierPayment/,
    'An earlier payment to this till is still open on the phone.',
    'Ask the customer to look at the phone, agree and tap again.',
  ],
  [/^(NoAccount|NotATallystickPhone)/, 'This phone cannot pay here.', otherMeans],
  [/Currency/, 'The phone pays in another currency.', otherMeans],
  [
    /^TerminalUnknown|^Certificate/,
    'The phone does not know this till.',
    `Switch the network on and sync. ${otherMeans}`,
  ],
  [
    /^SaleTornByAnotherPhone/,
    'Another phone may have paid this sale.',
    'Let that phone tap again, or cancel the sale and key it anew.',
  ],
  [
    /^(PhoneMisunderstood|PhoneRefused|PhoneDeclined|CounterMismatch|LicenseMismatch|DeductionRefused)/,
    'Phone and till did not understand each other.',
    tapAgain,
  ],
  [/^RoundTrip/, 'The phone answered too slowly to be trusted.', 'Let it tap again, held still on the reader.'],
  [
    /^License|Signature|Seal|Mismatch|Malformed|Invalid/,
    'The phone’s payment could not be verified.',
    `Do not hand over the goods. ${otherMeans}`,
  ],
]

export const adviceFor = (reason: string | undefined): Advice => {
  const [, say, next] = advices.find(([pattern]) => pattern.test(reason ?? '')) ?? []
  return { say: say ?? 'The payment was declined.', next: next ?? otherMeans }
}

/** The sale's state in one heading, as it is shown and as it is said aloud. */
export const headingOf = (sale: Sale): string => {
  switch (sale.state) {
    case 'waiting':
      return 'Tap the phone'
    case 'tapping':
      return 'Hold the phone still'
    case 'approved':
      return 'Approved'
    case 'declined':
      return 'Declined'
    case 'torn':
      return 'Not paid. Ask the customer to tap again.'
    case 'cancelled':
      return 'Cancelled. Nothing was paid.'
  }
}

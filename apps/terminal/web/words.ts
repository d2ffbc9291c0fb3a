import type { Sale } from './answers.ts'

/** What a cashier says to the customer, and what to do next. The machine's own words stand below, for who is called. */
export interface Advice {
  readonly say: string
  readonly then: string
}

const otherMeans = 'Ask for another way to pay.'

// The first pattern that fits wins. A reason that nobody thought of still gets the server's sentence.
const advices: readonly (readonly [RegExp, Advice])[] = [
  [
    /^AllowanceExceeded/,
    { say: 'Not enough credit left on the phone.', then: 'Take a smaller amount, or ask for another way to pay.' },
  ],
  [
    /^(TransactionLimit|FloorLimit)/,
    {
      say: 'The amount is too large for a payment without network.',
      then: 'Take a smaller amount, or ask for another way to pay.',
    },
  ],
  [
    /^Offline(Count|Sum)/,
    {
      say: 'This phone has paid too often without network.',
      then: 'The phone must go online once before it can pay again. Ask for another way to pay.',
    },
  ],
  [
    /^(Stored(Count|Sum)|SyncTooLongAgo)/,
    {
      say: 'This till has to send its sales first.',
      then: 'Switch the network on and press "Sync now". Then key the amount again.',
    },
  ],
  [
    /^(Policy|DenyList|KeySet).*(Missing|Old|Stale|Expired)|^(Policy|DenyList|KeySet)Missing/,
    {
      say: 'This till’s rules are too old.',
      then: 'Switch the network on and press "Sync now". Then key the amount again.',
    },
  ],
  [
    /^ClockBehind/,
    {
      say: 'This till’s clock is wrong.',
      then: 'Call whoever looks after the till. It cannot take payments without network until then.',
    },
  ],
  [/^Day/, { say: 'The day is not open on this till.', then: 'Open the day, then key the amount again.' }],
  [
    /Denied|DenyListed|OnDenyList|Revoked|Blocked|Compromised/,
    { say: 'This phone has been blocked.', then: `${otherMeans} The customer can ask their credit provider why.` },
  ],
  [
    /Expired/,
    {
      say: 'The phone’s permission to pay has run out.',
      then: 'The phone must go online once to renew it. Ask for another way to pay.',
    },
  ],
  [/NotYet/, { say: 'The phone’s permission to pay does not begin yet.', then: otherMeans }],
  [/Locked/, { say: 'The phone is locked.', then: 'Ask the customer to unlock it, then start a new sale.' }],
  [
    /Consent|Pending/i,
    {
      say: 'The customer has not agreed on the phone.',
      then: 'Ask the customer to agree on the phone’s screen, then start a new sale.',
    },
  ],
  [
    /EarlierPayment/,
    {
      say: 'An earlier payment to this till is still open on the phone.',
      then: 'Ask the customer to look at the phone and agree, then start a new sale.',
    },
  ],
  [/Currency/, { say: 'The phone pays in another currency.', then: otherMeans }],
  [
    /UnknownTerminal|TerminalUnknown|Certificate/,
    { say: 'The phone does not know this till.', then: `${otherMeans} Call whoever looks after the till.` },
  ],
  [
    /RoundTrip/,
    {
      say: 'The phone answered too slowly to be trusted.',
      then: 'Start a new sale and hold the phone still on the reader.',
    },
  ],
  [
    /License|Signature|Seal|Opened|Malformed|Counter|TapHash|Payload|Payment/,
    { say: 'The phone’s payment could not be verified.', then: `${otherMeans} Do not hand over the goods.` },
  ],
]

export const adviceFor = (reason: string | undefined): Advice => {
  const found = advices.find(([pattern]) => pattern.test(reason ?? ''))
  return found ? found[1] : { say: 'The payment was declined.', then: otherMeans }
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

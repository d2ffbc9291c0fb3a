/** What must be true of every world, in words, and a tally of how often each was asked. */
const laws = {
  'approved is on disk': 'What a till shows as approved is in its log, and stays approved.',
  'receipt is on disk': 'A phone that holds a receipt paid what the terminal has in its log under that number.',
  'paid is recorded': 'A phone that says "paid" was recorded.',
  'given back is on disk': 'A reversal that a till says is done is in its log, of that transaction and amount.',
  'approved reaches the centre': 'At the end the centre holds all that any terminal approved.',
  'asked before paid': 'No phone paid what its terminal had not put on disk before.',
  'torn in sight': 'A till shows every sale with an open deduction as torn; after a restart its log says so, too.',
  'waiting is counted': 'A till counts as waiting whatever the centre does not hold.',
  'nothing waits': 'At the end nothing waits on any till.',
  'one sale, one payment': 'A sale has at most one recorded payment, and a payment at most one record.',
  'one payment, one verdict': 'The centre judges each recorded payment once, and no other.',
  'one payment, one posting': 'A payment debits its payer by what the phone signed, once.',
  'the payer signed': 'Nobody is debited without a payment that lies in their own phone.',
  'byte for byte': 'The centre\u2019s copy of a terminal\u2019s stream is a prefix of the terminal\u2019s.',
  'owed by hand': 'Every payer owes what their phones signed, less what was given back and repaid.',
  'held by hand': 'Every hold is what was promised less what was drawn.',
  'merchant by hand': 'The merchant is owed the payments less fees and tax, fees given back included.',
  'books balance': 'Debits equal credits in each book and currency.',
  'reactions follow': 'What the reactors wrote is what follows from the log, all of it and nothing else.',
  'hours are whole': 'The calendar strikes every hour once, in order, and none that has not passed.',
  'rows are a fold': 'Rows equal a fresh fold of the log, in another adapter.',
  'rules were kept': 'No terminal asked for a payment that the rules it had adopted forbade.',
  'phone within its license': 'No phone pays more, or more often, than its license allows.',
  'revisions are whole': 'Revisions and log indices are contiguous and each event names the one before.',
  'time goes forward': 'No terminal writes an earlier time after a later one.',
  'receipts are whole': 'Receipt numbers of a terminal are gapless over every kind of record.',
  'day totals': 'A day closes on totals that a count of its events gives.',
  'counters are whole': 'A phone\u2019s counters are contiguous, and it forgets no payment.',
  'gaps are explained': 'A payment that the centre lacks belongs to a tap that is torn, or that a cashier cancelled.',
  'forks are declared': 'Where a terminal has two histories of payments, the centre has said so.',
  'copies are named': 'A counter under which two payments came in is named by an exception.',
  'money after a restore': 'A centre restored from a backup ends with the money that it would have had.',
  'a disk that went back':
    'A till whose disk was put back sells nothing before it has met the centre, and then has its own log again.',
  'no false alarm': 'No payment is held and no exception raised but for something that really happened.',
  'gaps are named':
    'A payment that lies in a phone, and that the centre lacks though it has a later one, is named while it is missing.',
  'no tap from afar':
    'No till takes a new payment through a relay that is slower than its policy allows, or from old answers.',
  'no surprise': 'No node fails in a way that no fault explains.',
} as const
export type Law = keyof typeof laws
export const lawNames = Object.keys(laws) as Law[]
export type Breach = {
  readonly law: Law
  readonly sentence: string
  readonly found: string
  /** The event at which belief and truth parted, where the auditor was reading one; else the step after which it asked. */
  readonly event: string | undefined
}

/** Whether a law holds here, and what was found where it does not. */
export type Holds = (law: Law, is: boolean, found: () => string) => void

export const questions = () => {
  const checked = new Map<Law, number>(lawNames.map(law => [law, 0]))
  const breaches: Breach[] = []
  let reading: string | undefined
  const holds: Holds = (law, is, found) => {
    checked.set(law, (checked.get(law) as number) + 1)
    if (!is) breaches.push({ law, sentence: laws[law], found: found(), event: reading })
  }
  /** What is read now, so that a breach can name it; undefined where it is all of a world that is asked. */
  const reads = (event: string | undefined): void => {
    reading = event
  }
  return { checked, breaches, holds, reads }
}

/** The rules that the authority publishes in this world, as people would say them. */
export const rules = {
  perTransaction: 15_000n,
  sinceSeen: 50_000n,
  consecutive: 50,
  perPhoneOnTerminal: 30_000n,
  hoursSinceSync: 72,
  roundTrip_ms: 1500,
}

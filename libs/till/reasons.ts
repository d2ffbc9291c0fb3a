import type { Currency } from '#money'
import { type Language, writtenDate, writtenMoney } from './language.ts'

/**
 * Every reason that can reach a till, in one table: whether a supervisor may let it pass where the policy says so too,
 * and for each language what is so, with its figures where there are any, and what the cashier does next. The log keeps
 * the reason's code; these words are for the screen, and may be changed at any time.
 */
type Words = { readonly say: string; readonly figures?: string; readonly next: string }
type Reason = { readonly overridable: boolean } & Readonly<Record<Language, Words>>

type Said = readonly [say: string, next: string, figures?: string]

const wordsOf = ([say, next, figures]: Said): Words => ({ say, next, ...(figures === undefined ? {} : { figures }) })
const never = (en: Said, de: Said): Reason => ({ overridable: false, en: wordsOf(en), de: wordsOf(de) })
const overridable = (en: Said, de: Said): Reason => ({ overridable: true, en: wordsOf(en), de: wordsOf(de) })

/* What is often said next. */
const other = ['Ask for another way to pay.', 'Bitte um ein anderes Zahlungsmittel bitten.'] as const
const smaller = [
  'Start a new sale with a smaller amount, or ask for another way to pay.',
  'Neuer Verkauf mit kleinerem Betrag, oder um ein anderes Zahlungsmittel bitten.',
] as const
const again = ['Let the phone tap again.', 'Das Telefon noch einmal anhalten lassen.'] as const
const sync = [
  'Switch the network on and press "Sync now". Then let the phone tap again.',
  'Netz einschalten und „Übertragen“ drücken. Dann das Telefon noch einmal anhalten lassen.',
] as const
const help = ['Call whoever looks after this till.', 'Wer diese Kasse betreut, muss gerufen werden.'] as const
const online = ['It must go online once.', 'Es muss einmal ins Netz.'] as const
const keepGoods = ['Do not hand over the goods.', 'Die Ware nicht herausgeben.'] as const

const unverified = never(
  ['The phone’s payment could not be verified.', `${keepGoods[0]} ${other[0]}`],
  ['Die Zahlung des Telefons ließ sich nicht prüfen.', `${keepGoods[1]} ${other[1]}`],
)
const misunderstood = never(
  ['Phone and till did not understand each other.', again[0]],
  ['Telefon und Kasse haben einander nicht verstanden.', again[1]],
)
const blocked = never(
  ['This phone has been blocked.', `${other[0]} The customer can ask their credit provider why.`],
  ['Dieses Telefon ist gesperrt.', `${other[1]} Den Grund nennt der Kreditgeber.`],
)
const rulesOld: readonly [Said, Said] = [
  ['This till’s rules are too old.', sync[0]],
  ['Die Regeln dieser Kasse sind zu alt.', sync[1]],
]
const otherCurrency = never(
  ['The phone pays in another currency.', other[0]],
  ['Das Telefon zahlt in einer anderen Währung.', other[1]],
)
const tillUnknown = never(
  ['The phone does not know this till.', `Switch the network on and sync. ${other[0]}`],
  ['Das Telefon kennt diese Kasse nicht.', `Netz einschalten und übertragen. ${other[1]}`],
)
const cannotPayHere = never(
  ['This phone cannot pay here.', other[0]],
  ['Dieses Telefon kann hier nicht zahlen.', other[1]],
)
const centreOdd = never(
  ['What answers in the centre’s place is not to be trusted.', `Selling goes on. ${help[0]}`],
  ['Was an Stelle der Zentrale antwortet, ist nicht glaubwürdig.', `Verkauft wird weiter. ${help[1]}`],
)
const outOfService = never(
  ['This till is out of service.', 'Hand it in. What was taken here is kept.'],
  ['Diese Kasse ist außer Betrieb.', 'Abgeben. Was hier eingenommen wurde, bleibt erhalten.'],
)
const badReceipt = never(
  ['This receipt cannot be verified.', `Give nothing back on it. ${help[0]}`],
  ['Dieser Beleg lässt sich nicht prüfen.', `Nichts darauf herausgeben. ${help[1]}`],
)
const keyed = never(
  ['What was keyed cannot be read.', 'Key it again.'],
  ['Die Eingabe ist nicht lesbar.', 'Noch einmal eingeben.'],
)

export const reasons = {
  /* ---- the policy's limits */
  AllowanceExceeded: never(
    ['Not enough credit left on the phone.', smaller[0], '{allowanceLeft:money} are left.'],
    ['Das Guthaben des Telefons reicht nicht.', smaller[1], '{allowanceLeft:money} sind übrig.'],
  ),
  TransactionLimitExceeded: overridable(
    ['The amount is too large for a payment without network.', smaller[0], 'At most {max:money} at once.'],
    ['Der Betrag ist zu groß für eine Zahlung ohne Netz.', smaller[1], 'Höchstens {max:money} auf einmal.'],
  ),
  FloorLimitExceeded: overridable(
    ['The amount is too large for a payment without network.', smaller[0], 'It paid {here:money} here already.'],
    ['Der Betrag ist zu groß für eine Zahlung ohne Netz.', smaller[1], 'Es hat hier schon {here:money} gezahlt.'],
  ),
  OfflineCountExceeded: overridable(
    ['This phone has paid too often without network.', `${online[0]} ${other[0]}`, '{count} payments since.'],
    ['Dieses Telefon hat zu oft ohne Netz gezahlt.', `${online[1]} ${other[1]}`, '{count} Zahlungen seither.'],
  ),
  OfflineSumExceeded: overridable(
    ['This phone has paid too often without network.', `${online[0]} ${other[0]}`, '{spent:money} since.'],
    ['Dieses Telefon hat zu viel ohne Netz gezahlt.', `${online[1]} ${other[1]}`, '{spent:money} seither.'],
  ),
  StoredCountExceeded: overridable(
    ['This till has to send its sales first.', sync[0], '{stored} payments wait.'],
    ['Diese Kasse muss erst ihre Verkäufe übertragen.', sync[1], '{stored} Zahlungen warten.'],
  ),
  StoredSumExceeded: overridable(
    ['This till has to send its sales first.', sync[0], '{stored:money} wait.'],
    ['Diese Kasse muss erst ihre Verkäufe übertragen.', sync[1], '{stored:money} warten.'],
  ),
  SyncTooLongAgo: overridable(
    ['This till has to send its sales first.', sync[0], 'At most {max_hours} hours may pass.'],
    ['Diese Kasse muss erst ihre Verkäufe übertragen.', sync[1], 'Höchstens {max_hours} Stunden dürfen vergehen.'],
  ),
  DenyListTooOld: overridable(...rulesOld),
  PolicyTooOld: overridable(...rulesOld),
  PolicyMissing: never(...rulesOld),
  DenyListMissing: never(...rulesOld),
  RoundTripExceeded: never(
    ['The phone answered too slowly to be trusted.', 'Let it tap again, held still on the reader.'],
    ['Das Telefon hat zu langsam geantwortet.', 'Noch einmal anhalten, dicht am Leser und ruhig.'],
  ),
  ClockBehind: never(
    ['This till’s clock is wrong.', `${help[0]} It takes no payments until then.`],
    ['Die Uhr dieser Kasse geht falsch.', `${help[1]} Bis dahin nimmt sie keine Zahlungen an.`],
  ),
  StatusImplausible: unverified,
  CurrencyMismatch: otherCurrency,

  /* ---- the license */
  SuiteNotAllowed: never(
    ['This kind of phone is not taken here.', other[0]],
    ['Telefone dieser Art nimmt diese Kasse nicht an.', other[1]],
  ),
  LicenseDenied: blocked,
  LicenseKeyCompromised: blocked,
  LicenseExpired: never(
    ['The phone’s permission to pay has run out.', `It must go online once to renew it. ${other[0]}`],
    ['Die Erlaubnis des Telefons ist abgelaufen.', `Es muss einmal ins Netz, um sie zu erneuern. ${other[1]}`],
  ),
  LicenseNotYetValid: never(
    ['The phone’s permission to pay does not begin yet.', other[0]],
    ['Die Erlaubnis des Telefons beginnt noch nicht.', other[1]],
  ),
  LicenseMalformed: unverified,
  LicenseKeyUnknown: unverified,
  LicenseKeyNotForLicenses: unverified,
  LicenseSignatureInvalid: unverified,
  StatusMalformed: unverified,
  StatusSealInvalid: unverified,
  CardMismatch: unverified,
  CheckFailed: unverified,

  /* ---- the payment */
  SealInvalid: unverified,
  PaymentMalformed: unverified,
  PaymentMissing: unverified,
  PaymentSignatureInvalid: unverified,
  TransactionMismatch: unverified,
  AmountMismatch: unverified,
  AllowanceMismatch: unverified,
  TapHashMismatch: unverified,
  LicenseMismatch: misunderstood,
  CounterMismatch: misunderstood,

  /* ---- what the phone says */
  NoAccount: cannotPayHere,
  NotATallystickPhone: cannotPayHere,
  TerminalUnknown: tillUnknown,
  TerminalClockOff: never(
    ['The clocks of phone and till differ.', `${help[0]} ${other[0]}`],
    ['Die Uhren von Telefon und Kasse weichen ab.', `${help[1]} ${other[1]}`],
  ),
  PhoneLocked: never(
    ['The phone is locked.', 'Ask the customer to unlock it and tap again.'],
    ['Das Telefon ist gesperrt (Bildschirm).', 'Entsperren lassen und noch einmal anhalten.'],
  ),
  PhoneRenewing: never(
    ['The phone is being renewed.', 'Wait until its holder says so, then let it tap again.'],
    ['Das Telefon wird gerade erneuert.', 'Warten, bis es fertig ist, dann noch einmal anhalten.'],
  ),
  ConsentPending: never(
    ['The customer has not agreed on the phone yet.', 'Ask the customer to agree on the phone and tap again.'],
    ['Am Telefon wurde noch nicht zugestimmt.', 'Am Telefon zustimmen lassen und noch einmal anhalten.'],
  ),
  EarlierPaymentOpen: never(
    [
      'An earlier payment to this till is still open on the phone.',
      'Ask the customer to look at the phone, agree and tap again.',
    ],
    ['Am Telefon ist eine frühere Zahlung noch offen.', 'Am Telefon ansehen und zustimmen, dann noch einmal anhalten.'],
  ),
  HolderRefused: never(
    ['The customer said no on the phone.', 'Start a new sale, or ask for another way to pay.'],
    ['Am Telefon wurde abgelehnt.', 'Neuer Verkauf, oder um ein anderes Zahlungsmittel bitten.'],
  ),
  PhoneLimitExceeded: never(
    ['The amount is too large for a payment without network.', smaller[0]],
    ['Der Betrag ist zu groß für eine Zahlung ohne Netz.', smaller[1]],
  ),
  DeductionRefused: misunderstood,
  PhoneDeclined: misunderstood,
  PhoneMisunderstood: misunderstood,
  FieldLost: never(
    ['Not paid: the phone left too early.', again[0]],
    ['Nicht bezahlt: das Telefon war zu früh weg.', again[1]],
  ),
  SaleTornByAnotherPhone: never(
    ['Another phone may have paid this sale.', 'Let that phone tap again, or cancel the sale and key it anew.'],
    [
      'Ein anderes Telefon hat vielleicht schon gezahlt.',
      'Jenes noch einmal anhalten, oder abbrechen und neu beginnen.',
    ],
  ),

  /* ---- the sale and its reversals */
  AmountNotPositive: never(
    ['The amount is nothing.', 'Key an amount.'],
    ['Der Betrag ist null.', 'Einen Betrag eingeben.'],
  ),
  AmountMalformed: keyed,
  CurrencyUnknown: keyed,
  BodyMalformed: keyed,
  TapUnderWay: never(
    ['A phone is being read.', 'Wait for its outcome.'],
    ['Ein Telefon wird gerade gelesen.', 'Das Ergebnis abwarten.'],
  ),
  IdempotencyKeyReused: never(
    ['This was done before, with other figures.', 'Look at the last transactions, then begin anew.'],
    ['Das wurde schon einmal getan, mit anderen Zahlen.', 'Die letzten Vorgänge ansehen, dann neu beginnen.'],
  ),
  SaleUnknown: never(
    ['This sale is not known on this till.', 'Start a new sale.'],
    ['Dieser Verkauf ist hier nicht bekannt.', 'Neuer Verkauf.'],
  ),
  SaleNotOpen: never(
    ['This sale is not open any more.', 'Start a new sale.'],
    ['Dieser Verkauf ist nicht mehr offen.', 'Neuer Verkauf.'],
  ),
  SaleApproved: never(
    ['This sale was paid.', 'Void it or refund it instead.'],
    ['Dieser Verkauf wurde bezahlt.', 'Statt dessen stornieren oder erstatten.'],
  ),
  DeductionNotOpen: misunderstood,
  TransactionUnknown: never(
    ['This payment is not in this till’s log.', 'Read its receipt, or go to the till that took it.'],
    ['Diese Zahlung kennt diese Kasse nicht.', 'Den Beleg lesen, oder zur Kasse gehen, die sie annahm.'],
  ),
  ReversalUnknown: never(
    ['This void or refund is not in this till’s log.', 'Look for it on the till that gave the money back.'],
    ['Dieses Storno oder diese Erstattung kennt diese Kasse nicht.', 'An der Kasse suchen, die das Geld zurückgab.'],
  ),
  ReceiptOfReversal: never(
    ['This is the receipt of a void or a refund.', 'Give nothing back on it. Read the receipt of the sale.'],
    ['Das ist der Beleg einer Rückgabe.', 'Nichts darauf herausgeben. Den Beleg des Verkaufs lesen.'],
  ),
  AlreadyReversed: never(
    ['Something of it was given back already.', 'Refund what is left.', '{reversed:money} went back.'],
    ['Davon wurde schon etwas zurückgegeben.', 'Den Rest erstatten.', '{reversed:money} gingen zurück.'],
  ),
  DayOver: never(
    ['That day is over.', 'Refund it instead of voiding it.', 'It belongs to {businessDate:date}.'],
    ['Dieser Tag ist vorbei.', 'Erstatten statt stornieren.', 'Die Zahlung gehört zum {businessDate:date}.'],
  ),
  RefundExceedsOriginal: never(
    ['That is more than is left to give back.', 'Key a smaller amount.', '{left:money} are left.'],
    ['Das ist mehr, als noch zurückzugeben ist.', 'Einen kleineren Betrag eingeben.', '{left:money} sind übrig.'],
  ),
  ReceiptMalformed: badReceipt,
  ReceiptSignatureInvalid: badReceipt,
  ReceiptCertificateInvalid: badReceipt,
  ReceiptOfAnotherMerchant: never(
    ['This receipt is of another merchant.', 'It can be refunded there only.'],
    ['Dieser Beleg ist von einem anderen Händler.', 'Nur dort kann erstattet werden.'],
  ),

  /* ---- the day */
  DayNotOpen: never(
    ['The day is not open on this till.', 'Start a new sale after opening the day.'],
    ['Der Tag ist an dieser Kasse nicht geöffnet.', 'Den Tag öffnen, dann neu beginnen.'],
  ),
  DayStillOpen: never(
    ['A day is still open.', 'Close it first.', 'It is that of {businessDate:date}.'],
    ['Ein Tag ist noch offen.', 'Erst abschließen.', 'Es ist der {businessDate:date}.'],
  ),
  DayInThePast: never(
    ['That day is before the last one.', 'Look at the till’s clock.', 'The last one was {lastDay:date}.'],
    ['Dieser Tag liegt vor dem letzten.', 'Die Uhr der Kasse ansehen.', 'Der letzte war der {lastDay:date}.'],
  ),
  DayInTheFuture: never(
    ['That day is in the future.', 'Look at the date, or at the till’s clock.', 'Today is {today:date}.'],
    ['Dieser Tag liegt in der Zukunft.', 'Das Datum und die Uhr der Kasse ansehen.', 'Heute ist der {today:date}.'],
  ),
  TapUnresolved: never(
    ['A torn sale may have been paid.', 'Let its phone tap again, or cancel the sale. Then close the day.'],
    ['Ein abgerissener Verkauf wurde vielleicht bezahlt.', 'Telefon anhalten lassen oder abbrechen. Dann abschließen.'],
  ),

  /* ---- the staff */
  NoCashier: never(
    ['Nobody is signed on at this till.', 'Sign on with your number and PIN.'],
    ['An dieser Kasse ist niemand angemeldet.', 'Mit Nummer und PIN anmelden.'],
  ),
  StaffUnknown: never(
    ['This number is not set up here.', 'A supervisor can set it up.'],
    ['Diese Nummer ist hier nicht eingerichtet.', 'Eine Aufsicht kann sie einrichten.'],
  ),
  StaffNumberMalformed: keyed,
  PinMalformed: never(
    ['A PIN has four to eight digits.', 'Choose another one.'],
    ['Eine PIN hat vier bis acht Ziffern.', 'Eine andere wählen.'],
  ),
  PinWrong: never(
    ['Number and PIN do not fit.', 'Try again.'],
    ['Nummer und PIN passen nicht zusammen.', 'Noch einmal versuchen.'],
  ),
  PinThrottled: never(
    ['Too many wrong PINs.', 'Wait, then try again.', 'Wait {wait_s} seconds.'],
    ['Zu viele falsche PINs.', 'Warten, dann noch einmal versuchen.', 'Noch {wait_s} Sekunden.'],
  ),
  SupervisorFirst: never(
    ['The first one here is a supervisor.', 'Set up a supervisor first.'],
    ['Zuerst braucht die Kasse eine Aufsicht.', 'Zuerst eine Aufsicht einrichten.'],
  ),
  LastSupervisor: never(
    ['This is the only supervisor.', 'Set up another one first.'],
    ['Das ist die einzige Aufsicht.', 'Zuerst eine andere einrichten.'],
  ),
  NotASupervisor: never(
    ['This needs a supervisor.', 'Call one.'],
    ['Dafür braucht es eine Aufsicht.', 'Die Aufsicht rufen.'],
  ),
  OverrideNotAllowed: never(['Nobody may let this pass.', other[0]], ['Das darf niemand freigeben.', other[1]]),
  SaleNotDeclined: never(
    ['There is nothing to approve on this sale.', again[0]],
    ['An diesem Verkauf ist nichts freizugeben.', again[1]],
  ),

  /* ---- the machine and the centre */
  StoreFailed: never(
    ['This till cannot write its log.', `Nothing was recorded. ${help[0]}`],
    ['Diese Kasse kann nichts mehr aufzeichnen.', `Nichts wurde gebucht. ${help[1]}`],
  ),
  LogIsNewer: never(
    ['A newer version of this till wrote its log.', `Nothing is sold here until it runs again. ${help[0]}`],
    ['Eine neuere Version hat hier aufgezeichnet.', `Bis sie wieder läuft, wird nichts verkauft. ${help[1]}`],
  ),
  LogRewound: never(
    ['This till’s disk was put back to an older state.', 'Nothing is sold here before it has reached the centre.'],
    ['Der Datenträger ist auf einem älteren Stand.', 'Verkauft wird erst, wenn die Zentrale erreicht ist.'],
  ),
  LogForked: never(
    ['Two histories go by this till’s name.', `Keep the disk; the back office commissions the till anew. ${help[0]}`],
    ['Unter dem Namen dieser Kasse gibt es zwei Verläufe.', `Datenträger aufbewahren, Kasse neu anmelden. ${help[1]}`],
  ),
  RecordsLost: never(
    ['Sales of this till are missing on its disk.', `Keep every disk of it, and declare it lost. ${help[0]}`],
    ['Auf dem Datenträger fehlen Verkäufe.', `Jeden Datenträger aufbewahren, Kasse als verloren melden. ${help[1]}`],
  ),
  RecoveryUnproved: never(
    ['What is missing of this till’s log did not come as its own.', `It is asked again. ${help[0]}`],
    ['Was fehlt, kam nicht nachweislich von dieser Kasse.', `Es wird wieder gefragt. ${help[1]}`],
  ),
  Offline: never(
    ['The network is switched off on this till.', 'Switch it on first.'],
    ['Das Netz ist an dieser Kasse ausgeschaltet.', 'Erst einschalten.'],
  ),
  CentreUnreachable: never(
    ['The centre does not answer.', 'Sales go on; what waits is sent later.'],
    ['Die Zentrale antwortet nicht.', 'Verkauft wird weiter; was wartet, geht später.'],
  ),
  LogNotSigned: never(
    ['The centre has not signed for everything yet.', 'It is asked again by itself.'],
    ['Die Zentrale hat noch nicht alles bestätigt.', 'Es wird von selbst wieder gefragt.'],
  ),
  TerminalSuspended: never(
    ['This till is suspended.', `It takes no payments until the back office reinstates it. ${help[0]}`],
    ['Diese Kasse ist gesperrt.', `Sie nimmt nichts an, bis die Verwaltung sie wieder zulässt. ${help[1]}`],
  ),
  TerminalReplaced: never(
    ['Another till has taken this one’s place.', 'Sell there, and hand this one in.'],
    ['Eine andere Kasse steht an ihrer Stelle.', 'Dort verkaufen, und diese abgeben.'],
  ),
  TerminalLost: outOfService,
  TerminalRetired: outOfService,
  CertificateExpired: never(
    ['This till has been without network for too long.', sync[0]],
    ['Diese Kasse war zu lange ohne Netz.', sync[1]],
  ),
  AssignmentInvalid: centreOdd,
  AssignmentWentBack: centreOdd,
  CertificateMalformed: centreOdd,
  CertificateKeyUnknown: centreOdd,
  CertificateKeyNotForCertificates: centreOdd,
  CertificateKeyCompromised: centreOdd,
  CertificateSignatureInvalid: centreOdd,
  CertificateNotYetValid: centreOdd,
  ModeMismatch: centreOdd,
  RulesContradicted: centreOdd,
  RulesWentBack: centreOdd,
  RulesInvalid: centreOdd,
  CheckpointInconsistent: centreOdd,
  CheckpointOlder: centreOdd,
  CheckpointUnsigned: centreOdd,
  OriginUnproved: centreOdd,
  EventNotUnderCheckpoint: centreOdd,
} as const satisfies Readonly<Record<string, Reason>>

/** For a reason that nobody thought of: the code itself stands below it, for who is called. */
const unknown = never(['The payment was declined.', other[0]], ['Die Zahlung wurde abgelehnt.', other[1]])

const reasonOf = (reason: string): Reason =>
  Object.hasOwn(reasons, reason) ? reasons[reason as keyof typeof reasons] : unknown

/** What the centre holds or refuses, afterwards: the customer has gone, and it is for the office to settle. */
const office = ['The back office settles it.', 'Die Verwaltung klärt es.'] as const
const verdicts = {
  RefundWithoutOriginal: never(
    ['The centre does not know the payment yet.', 'It waits for the till that took it. Let that till sync.'],
    ['Die Zentrale kennt die Zahlung noch nicht.', 'Sie wartet auf die Kasse, die sie annahm. Dort übertragen.'],
  ),
  RefundExceedsOriginal: never(
    ['More was given back than was paid.', `The shop bears it until it is settled. ${office[0]}`],
    ['Es wurde mehr zurückgegeben, als bezahlt war.', `Bis zur Klärung trägt es der Laden. ${office[1]}`],
  ),
  OriginalHeld: never(
    ['The payment itself is held at the centre.', `Nothing is given back before it is decided. ${office[0]}`],
    ['Die Zahlung selbst ist in der Zentrale angehalten.', `Vorher wird nichts gutgeschrieben. ${office[1]}`],
  ),
  CurrencyMismatch: never(
    ['It was given back in another currency.', office[0]],
    ['Es wurde in einer anderen Währung zurückgegeben.', office[1]],
  ),
  ReversalRefused: never(
    ['Two people at the back office refused it.', 'The shop bears it. Ask there why.'],
    ['Zwei Personen der Verwaltung lehnten es ab.', 'Der Laden trägt es. Dort nach dem Grund fragen.'],
  ),
  MerchantBears: never(
    ['It was decided that the shop bears this payment.', 'Ask the back office why.'],
    ['Es wurde entschieden, dass der Laden diese Zahlung trägt.', 'Die Verwaltung nach dem Grund fragen.'],
  ),
} as const satisfies Readonly<Record<string, Reason>>

/** Payments are held by the checks of a tap, which are many; what a cashier does about it is always the same. */
const heldPayment = never(
  ['The centre holds this payment back.', office[0]],
  ['Die Zentrale hält diese Zahlung an.', office[1]],
)

const verdictOf = (reason: string): Reason =>
  Object.hasOwn(verdicts, reason) ? verdicts[reason as keyof typeof verdicts] : heldPayment

export const isOverridable = (reason: string): boolean => reasonOf(reason).overridable

export type InWords = { readonly say: string; readonly figures: string; readonly next: string }

/** What a cashier reads. A sentence of figures of which one is missing is left out. */
export const inWords = (
  reason: string,
  figures: Readonly<Record<string, unknown>>,
  currency: Currency,
  language: Language,
  of: 'tap' | 'verdict' = 'tap',
): InWords => {
  const { say, next, figures: template } = (of === 'tap' ? reasonOf(reason) : verdictOf(reason))[language]
  return { say, next, figures: template === undefined ? '' : (filled(template, figures, currency, language) ?? '') }
}

const filled = (
  template: string,
  figures: Readonly<Record<string, unknown>>,
  currency: Currency,
  language: Language,
): string | undefined => {
  let whole = true
  const text = template.replace(/\{(\w+)(?::(\w+))?\}/g, (_, name: string, kind: string | undefined) => {
    const figure = Object.hasOwn(figures, name) ? figures[name] : undefined
    if (typeof figure !== 'string' && typeof figure !== 'number') {
      whole = false
      return ''
    }
    if (kind === 'money') return writtenMoney(`${figure}`, currency, language)
    return kind === 'date' ? writtenDate(`${figure}`, language) : `${figure}`
  })
  return whole ? text : undefined
}

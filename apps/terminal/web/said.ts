import { createContext, useContext } from 'react'
import type { Sale, Till } from './answers.ts'

/** The page's own words, in the till's language. What is so with a sale and what to do next, the till itself says. */
const words = {
  appBusinessDay: ['Business day', 'Geschäftstag'],
  dayClosed: ['Day closed', 'Tag geschlossen'],
  online: ['Online', 'Online'],
  offline: ['Offline', 'Offline'],
  notAnswering: ['Till not answering', 'Kasse antwortet nicht'],
  waiting: ['waiting', 'warten'],
  syncNow: ['Sync now', 'Übertragen'],
  networkOn: ['Network on', 'Netz an'],
  networkOff: ['Network off', 'Netz aus'],
  lastSync: ['last sync', 'übertragen vor'],
  ago: ['ago', ''],
  neverSynced: ['never synced', 'nie übertragen'],
  oldest: ['oldest', 'älteste'],
  people: ['People', 'Personal'],
  signOn: ['Sign on', 'Anmelden'],
  signOff: ['Sign off', 'Abmelden'],
  signedOnAs: ['Signed on:', 'Angemeldet:'],
  nobodyOn: ['Nobody is signed on', 'Niemand ist angemeldet'],
  number: ['Number', 'Nummer'],
  name: ['Name (stays on this till)', 'Name (bleibt auf dieser Kasse)'],
  pin: ['PIN, four to eight digits', 'PIN, vier bis acht Ziffern'],
  cashier: ['Cashier', 'Kassierer'],
  supervisor: ['Supervisor', 'Aufsicht'],
  role: ['Role', 'Rolle'],
  setUp: ['Set somebody up', 'Jemanden einrichten'],
  setUpFirst: [
    'Nobody is set up here yet, so everybody sells without a name. The first one is a supervisor; from then on, a supervisor sets up the others.',
    'Hier ist noch niemand eingerichtet, jeder verkauft ohne Namen. Die erste Person ist eine Aufsicht; ab dann richtet eine Aufsicht die anderen ein.',
  ],
  bySupervisor: ['Supervisor who agrees', 'Aufsicht, die zustimmt'],
  save: ['Save', 'Sichern'],
  remove: ['Remove', 'Entfernen'],
  letPass: ['Supervisor…', 'Aufsicht…'],
  letPassTitle: ['A supervisor lets this pass', 'Eine Aufsicht gibt das frei'],
  letPassHint: [
    'For this sale and this rule only. Then the phone taps again.',
    'Nur für diesen Verkauf und diese Regel. Danach hält das Telefon noch einmal an.',
  ],
  letPassDo: ['Let it pass', 'Freigeben'],
  passed: ['A supervisor let it pass. Tap the phone again.', 'Freigegeben. Das Telefon noch einmal anhalten.'],
  receipt: ['Receipt', 'Beleg'],
  printCopy: ['Print a copy', 'Kopie drucken'],
  codeOf: ['The code on the receipt', 'Der Code auf dem Beleg'],
  refundReceipt: ['Refund a receipt', 'Beleg erstatten'],
  refundReceiptHint: [
    'Read the square code on the receipt of any till of this merchant.',
    'Den quadratischen Code auf dem Beleg lesen, von jeder Kasse dieses Händlers.',
  ],
  receiptCode: ['Code of the receipt', 'Code des Belegs'],
  read: ['Read', 'Lesen'],
  paidThere: ['Paid at', 'Bezahlt an'],
  leftToGive: ['Left to give back, as far as this till knows', 'Noch zu erstatten, soweit diese Kasse weiß'],
  giveBack: ['Amount to give back', 'Betrag der Erstattung'],
  refund: ['Refund', 'Erstatten'],
  void: ['Void', 'Stornieren'],
  voidOf: ['Void receipt', 'Stornieren: Beleg'],
  refundOf: ['Refund receipt', 'Erstatten: Beleg'],
  toBeConfirmed: [
    'Recorded, to be confirmed by the centre with the next sync.',
    'Aufgezeichnet; die Zentrale bestätigt es mit der nächsten Übertragung.',
  ],
  done: ['Done', 'Fertig'],
  close: ['Close', 'Schließen'],
  nothingDone: ['Nothing was done', 'Nichts wurde getan'],
  recent: ['Recent transactions', 'Letzte Vorgänge'],
  noneYet: ['No transaction yet', 'Noch kein Vorgang'],
  noneYetHint: [
    'The first approved tap of this terminal will stand here.',
    'Die erste bezahlte Zahlung dieser Kasse steht dann hier.',
  ],
  cardEnding: ['card ending', 'Karte endet auf'],
  reversedInFull: ['Reversed in full', 'Ganz zurückgegeben'],
  givenBack: ['given back', 'zurückgegeben'],
  charge: ['Charge', 'Kassieren'],
  cancelSale: ['Cancel the sale', 'Verkauf abbrechen'],
  newSale: ['New sale', 'Neuer Verkauf'],
  serveAnother: ['Serve another customer first', 'Erst jemand anderen bedienen'],
  holdFlat: ['Hold it flat on the reader until it answers.', 'Flach auf den Leser halten, bis er antwortet.'],
  paysOnce: [
    'The same phone taps again. It pays once at most.',
    'Dasselbe Telefon noch einmal. Es zahlt höchstens einmal.',
  ],
  leftOffline: ['left to use offline:', 'noch ohne Netz verfügbar:'],
  waitingSale: ['Tap the phone', 'Telefon anhalten'],
  tappingSale: ['Hold the phone still', 'Telefon stillhalten'],
  approvedSale: ['Approved', 'Bezahlt'],
  declinedSale: ['Declined', 'Abgelehnt'],
  tornSale: ['Not paid. Ask the customer to tap again.', 'Nicht bezahlt. Bitte noch einmal anhalten.'],
  cancelledSale: ['Cancelled. Nothing was paid.', 'Abgebrochen. Nichts wurde bezahlt.'],
  dayNotOpen: ['The day is not open', 'Der Tag ist nicht geöffnet'],
  dayNotOpenHint: ['Open the day before the first sale.', 'Vor dem ersten Verkauf den Tag öffnen.'],
  openDay: ['Open the day', 'Tag öffnen'],
  closeDay: ['Close the day…', 'Tag abschließen…'],
  closeDayNow: ['Close the day', 'Tag abschließen'],
  keepOpen: ['Keep it open', 'Offen lassen'],
  closeSure: [
    'Close the day now? No sale is possible until the next day is opened.',
    'Den Tag jetzt abschließen? Verkauft wird erst wieder am nächsten Tag.',
  ],
  dayShut: [
    'The day is closed. These totals cannot change any more.',
    'Der Tag ist abgeschlossen. Diese Summen ändern sich nicht mehr.',
  ],
  dayNeeded: [
    'No day is open on this till. Sales, voids and refunds belong to a day.',
    'Kein Tag ist geöffnet. Verkäufe, Stornos und Erstattungen gehören zu einem Tag.',
  ],
  forgotten: [
    'Nobody closed this day. Sales still count to it; opening today closes it with its totals.',
    'Niemand schloss diesen Tag. Verkäufe zählen noch zu ihm; wer heute öffnet, schließt ihn mit seinen Summen ab.',
  ],
  openToday: ['Close it and open today', 'Abschließen und heute öffnen'],
  xReport: ['X report, so far', 'X-Bericht, bis jetzt'],
  zReport: ['Z report', 'Z-Bericht'],
  lastZ: ['The last Z report', 'Letzter Z-Bericht'],
  rolledOver: ['Nobody closed this day: it rolled over.', 'Niemand schloss diesen Tag: er lief über.'],
  sales: ['Sales', 'Verkäufe'],
  voids: ['Voids', 'Stornos'],
  refunds: ['Refunds', 'Erstattungen'],
  declined: ['Declined', 'Abgelehnt'],
  torn: ['Torn', 'Abgerissen'],
  net: ['Net', 'Netto'],
  grandTotal: ['Sold ever on this till', 'Je an dieser Kasse verkauft'],
  nobodyHint: [
    'Sign on with your number and PIN before the next sale.',
    'Vor dem nächsten Verkauf mit Nummer und PIN anmelden.',
  ],
} as const satisfies Readonly<Record<string, readonly [en: string, de: string]>>

export type Language = Till['language']
const columns: readonly Language[] = ['en', 'de']

export const Spoken = createContext<Language>('en')

export type Said = (name: keyof typeof words) => string
export const saidIn =
  (language: Language): Said =>
  name =>
    words[name][Math.max(0, columns.indexOf(language))] ?? words[name][0]
export const useSaid = (): Said => saidIn(useContext(Spoken))

/** The sale's state in one heading, as it is shown and as it is said aloud. */
export const headingOf = (sale: Sale, said: Said): string => said(`${sale.state}Sale`)

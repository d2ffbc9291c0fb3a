import { type Currency, exponentOf } from '#money'

/** The languages of a till, and how each writes amounts, days and times. Words are data: another one is another column. */
export const languages = ['en', 'de'] as const
export type Language = (typeof languages)[number]

const locales: Readonly<Record<Language, string>> = { en: 'en-GB', de: 'de-DE' }

/** Major units as text ("1250.00"), as people of this language write them: "1,250.00 EUR", "1.250,00 EUR". */
export const writtenMoney = (major: string, currency: Currency, language: Language): string => {
  const digits = exponentOf(currency)
  const format = new Intl.NumberFormat(locales[language], {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
  // A decimal as text is written to the last digit; a number would be rounded first.
  return `${format.format(major as Intl.StringNumericLiteral)} ${currency}`
}

/** A business date, "2026-11-23": 23/11/2026, 23.11.2026. */
export const writtenDate = (date: string, language: Language): string =>
  new Intl.DateTimeFormat(locales[language], { timeZone: 'UTC', dateStyle: 'short' })
    .format(Date.parse(`${date}T00:00:00Z`))
    .replace(/(\D)(\d\d)$/, `$1${date.slice(0, 4)}`)

/** An instant in the shop's zone. */
export const writtenInstant = (instant: string, zone: string, language: Language): string =>
  new Intl.DateTimeFormat(locales[language], {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).format(Date.parse(instant))

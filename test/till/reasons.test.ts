import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { phoneDeclines } from '#tap/terminal'
import { languages, writtenDate, writtenInstant, writtenMoney } from '#till/language'
import { inWords, isOverridable, reasons } from '#till/reasons'
import { root } from '../sources.ts'

/** The files whose reasons can reach a till: what it decides, what it checks, and what its node answers. */
const files = [
  ...['libs/till', 'libs/tap', 'apps/terminal'].flatMap(folder =>
    readdirSync(join(root, folder))
      .filter(name => name.endsWith('.ts'))
      .map(name => `${folder}/${name}`),
  ),
  'libs/license/checks.ts',
  'libs/license/payment.ts',
  'libs/sync/acknowledgement.ts',
  'libs/money/money.ts',
].filter(path => path !== 'libs/till/reasons.ts' && path !== 'libs/tap/phone.ts')

/** Words in capitals that stand where a reason stands. */
const places = [
  /reason: '([A-Z]\w+)'/g,
  /reason: [^\n]*\? '([A-Z]\w+)'/g,
  /reason: [^\n]*\? '[A-Z]\w+' : '([A-Z]\w+)'/g,
  /(?:failed|holds|same)\(\s*(?:[^'\n]*,\s*)?'[^']+',\s*'([A-Z]\w+)'/g,
  /ageCheck\('[^']+', '([A-Z]\w+)'/g,
  /\b(?:keyUnknown|otherPurpose|compromised|signature|notYetValid|expired): '([A-Z]\w+)'/g,
]
const said = new Set(
  files.flatMap(path => {
    const text = readFileSync(join(root, path), 'utf8')
    return places.flatMap(place => [...text.matchAll(place)].map(([, reason]) => reason as string))
  }),
)
/** The centre's alone: no till checks a TAC. */
said.delete('TacInvalid')
for (const [reason] of Object.values(phoneDeclines)) said.add(reason)

describe('the table of reasons', () => {
  it('finds reasons where they are said', () => {
    for (const known of [
      'LicenseDenied',
      'SuiteNotAllowed',
      'DenyListTooOld',
      'FloorLimitExceeded',
      'SaleTornByAnotherPhone',
      'PinWrong',
    ])
      expect(said).toContain(known)
    expect(said.size).toBeGreaterThan(70)
  })

  it('has every reason that can reach a till', () =>
    expect([...said].filter(reason => !Object.hasOwn(reasons, reason)).sort()).toEqual([]))

  it.each(languages)('says each in %s: what is so, and what to do', language => {
    for (const [reason, words] of Object.entries(reasons)) {
      const { say, next } = words[language]
      expect([reason, say, next]).toEqual([
        reason,
        expect.stringMatching(/^.{10,}\.$/),
        expect.stringMatching(/^.{5,}\.$/),
      ])
    }
  })

  it('asks for the same figures in every language', () => {
    const asked = (template = '') => [...template.matchAll(/\{[^}]+\}/g)].map(([figure]) => figure).sort()
    for (const { en, de } of Object.values(reasons) as { en: { figures?: string }; de: { figures?: string } }[])
      expect(asked(de.figures)).toEqual(asked(en.figures))
  })

  it('lets nobody override what the phone or the trade says no to', () => {
    for (const reason of [
      'AllowanceExceeded',
      'LicenseDenied',
      'LicenseExpired',
      'RoundTripExceeded',
      'CurrencyMismatch',
    ])
      expect([reason, isOverridable(reason)]).toEqual([reason, false])
    expect(isOverridable('FloorLimitExceeded')).toBe(true)
    expect(isOverridable('toString')).toBe(false)
  })
})

describe('a reason in words', () => {
  it('bears its figures as the language writes them', () => {
    expect(inWords('AllowanceExceeded', { allowanceLeft: '1250.50' }, 'EUR', 'en')).toEqual({
      say: 'Not enough credit left on the phone.',
      figures: '1,250.50 EUR are left.',
      next: 'Start a new sale with a smaller amount, or ask for another way to pay.',
    })
    expect(inWords('AllowanceExceeded', { allowanceLeft: '1250.50' }, 'EUR', 'de').figures).toBe(
      '1.250,50 EUR sind übrig.',
    )
    expect(inWords('DayStillOpen', { businessDate: '2026-11-22' }, 'EUR', 'de').figures).toBe('Es ist der 22.11.2026.')
  })
  it('leaves out a sentence of which a figure is missing', () =>
    expect(inWords('AllowanceExceeded', {}, 'EUR', 'de').figures).toBe(''))
  it('has words for a reason that nobody thought of', () =>
    expect(inWords('constructor', {}, 'EUR', 'de').say).toBe('Die Zahlung wurde abgelehnt.'))
})

describe('amounts, days and times', () => {
  it('of any exponent, to the last digit', () => {
    expect(writtenMoney('999999999.99', 'EUR', 'de')).toBe('999.999.999,99 EUR')
    expect(writtenMoney('1250', 'JPY', 'en')).toBe('1,250 JPY')
    expect(writtenMoney('1.250', 'KWD', 'de')).toBe('1,250 KWD')
  })
  it('in the shop’s zone', () => {
    expect(writtenDate('2026-11-23', 'de')).toBe('23.11.2026')
    expect(writtenDate('2026-11-23', 'en')).toBe('23/11/2026')
    expect(writtenInstant('2026-11-23T23:30:00.000Z', 'Europe/Berlin', 'de')).toBe('24.11.2026, 00:30:00')
  })
})

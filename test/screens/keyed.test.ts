import { describe, expect, it } from 'vitest'
import { amountOf, isNothing, keyed } from '#screens/keyed'

const typed = (keys: string[], currency = 'EUR') => {
  const entry = keys.reduce((so, key) => keyed(so, key, currency), '')
  return amountOf(entry, currency)
}

describe('an amount keyed on the till', () => {
  it.each([
    [['1', '2', '5', '0'], '12.50'],
    [['5'], '0.05'],
    [['1', '2', '00'], '12.00'],
    [['0', '0', '7'], '0.07'],
    [[], '0.00'],
  ])('%j reads %s: the last two digits are cents', (keys, amount) => expect(typed(keys)).toBe(amount))

  it.each([
    [['1', '2', '.', '5'], '12.50'],
    [['1', '2', '.'], '12.00'],
    [['.', '5'], '0.50'],
    [['1', '.', '.', '5', '0'], '1.50'],
    [['1', '.', '2', '5', '9'], '1.25'],
    [['1', '.', '2', '00'], '1.20'],
  ])('%j reads %s: a point ends the whole units', (keys, amount) => expect(typed(keys)).toBe(amount))

  it('has no cents where the currency has none', () => {
    expect(typed(['1', '2', '5', '0'], 'JPY')).toBe('1250')
    expect(typed(['1', '2', '.', '5'], 'JPY')).toBe('125')
  })

  it('has three decimals where the currency has three', () => expect(typed(['1', '2', '5', '0'], 'KWD')).toBe('1.250'))

  it('takes no tenth digit', () => expect(typed('1234567890'.split(''))).toBe('1234567.89'))

  it('is nothing until a digit that counts is keyed', () => {
    expect(isNothing('')).toBe(true)
    expect(isNothing('0.')).toBe(true)
    expect(isNothing('0.05')).toBe(false)
  })
})

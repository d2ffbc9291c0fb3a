import { describe, expect, it } from 'vitest'
import { type ExceptionEvent, exceptionWords } from '#reconciliation/events'
import { exception } from '#reconciliation/exception'
import { deciding } from '../given.ts'

const given = deciding(exception, exceptionWords)
const raised: ExceptionEvent = {
  type: 'ExceptionRaised',
  data: { key: 'k-1', kind: 'CounterSkipped', amount: '100', currency: 'EUR', concerns: ['l-1'], message: 'missing' },
}
const resolved: ExceptionEvent = { type: 'ExceptionResolved', data: { key: 'k-1', why: 'it has come' } }
const resolve = { type: 'Resolve', key: 'k-1', why: 'it has come' } as const

describe('an exception', () => {
  it('closes when what was missing has come, once', () => {
    given(raised).when(resolve).then(resolved)
    given(raised, resolved).when(resolve).then()
  })
  it('that was never raised needs no closing', () => given().when(resolve).then())
  it('names the counters that are missing, and does not need to', () => {
    const { data } = raised
    const named = { ...data, counters: { license: 'l-1', from: 3, to: 4 } }
    expect(exceptionWords.ExceptionRaised.data.parse(named)).toEqual(named)
    expect(exceptionWords.ExceptionRaised.data.parse(data)).toEqual(data)
    const wrong = { ...data, counters: { license: 'l-1', from: -1, to: 4 } }
    expect(exceptionWords.ExceptionRaised.data.safeParse(wrong).success).toBe(false)
  })
})

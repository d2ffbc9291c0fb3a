import { describe, expect, it } from 'vitest'
import { type Drain, idleDrain, next } from '#sync/drain'

const offline: Drain = { failures: 3, online: false }
const failed = (times: number, jitter = 1, retryAfter_s = 0) => {
  let drain = idleDrain
  let wait_ms: number | undefined
  for (let time = 0; time < times; time++)
    ({ drain, wait_ms } = next(drain, { type: 'Failed', jitter, ...(retryAfter_s ? { retryAfter_s } : {}) }))
  return { drain, wait_ms }
}

describe('a drain', () => {
  it('goes on at once where more waits, and is woken where nothing does', () => {
    expect(next({ failures: 4, online: true }, { type: 'Sent', more: true })).toEqual({ drain: idleDrain, wait_ms: 0 })
    expect(next(idleDrain, { type: 'Sent', more: false })).toEqual({ drain: idleDrain, wait_ms: undefined })
  })
  it('waits twice as long after each failure, from half a second to half a minute', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8].map(times => failed(times).wait_ms)).toEqual([
      500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
    ])
    expect(failed(3).drain).toEqual({ failures: 3, online: true })
  })
  it('spreads that over its second half, so that not all come back in one instant', () => {
    expect(failed(3, 0).wait_ms).toBe(1000)
    expect(failed(3, 0.5).wait_ms).toBe(1500)
  })
  it('comes no sooner than the centre said, and later where it failed often', () => {
    expect(failed(1, 1, 60).wait_ms).toBe(60_000)
    expect(failed(8, 1, 5).wait_ms).toBe(30_000)
  })
  it('opens no socket without a network, and begins anew with it', () => {
    expect(next(offline, { type: 'Failed', jitter: 1 })).toEqual({
      drain: { failures: 4, online: false },
      wait_ms: undefined,
    })
    expect(next(offline, { type: 'NetworkSet', online: true })).toEqual({ drain: idleDrain, wait_ms: 0 })
    expect(next(idleDrain, { type: 'NetworkSet', online: false }).wait_ms).toBeUndefined()
  })
})

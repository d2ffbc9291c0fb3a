import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex, u32be } from '#canonical/bytes'
import { frame } from '#nfc/frame'
import { FieldLost, type Meeting } from '#nfc/reader'
import { bareResponse, encodeRequest, SERVICE_LIMIT } from '#nfc/snep'
import { type LoopbackReader, loopbackReader } from '../../apps/terminal/readers/loopback.ts'
import { NoField, tapLoopback } from '../../apps/wallet/antennas/loopback.ts'

const GET = encodeRequest({ code: 'GET', acceptableLength: 1024, information: fromHex('d00000') })
const PUT = encodeRequest({ code: 'PUT', information: fromHex('d00000') })
const SUCCESS = bareResponse('SUCCESS')

const open: { close(): Promise<void> }[] = []
const reader = async (exchangeTimeout_ms?: number): Promise<LoopbackReader> => {
  const one = await loopbackReader(exchangeTimeout_ms === undefined ? { port: 0 } : { port: 0, exchangeTimeout_ms })
  open.push(one)
  return one
}
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

/** Meets phones with `till`, one after another, until the count is reached. */
const meet = async (at: LoopbackReader, count: number, till: (meeting: Meeting) => Promise<void>): Promise<void> => {
  let met = 0
  for await (const meeting of at.taps(AbortSignal.timeout(5000))) {
    await till(meeting)
    if (++met === count) break
  }
  expect(met).toBe(count)
}

const lost = (exchange: Promise<Bytes>): Promise<FieldLost> =>
  exchange.then(
    () => expect.fail('the exchange went through'),
    error => {
      expect(error).toBeInstanceOf(FieldLost)
      return error
    },
  )

describe('a meeting', () => {
  it('carries whole SNEP messages both ways, in order', async () => {
    const at = await reader()
    const heard: Bytes[] = []
    const phone = tapLoopback({
      port: at.port,
      answer: async request => {
        heard.push(request)
        return concat(SUCCESS, new Uint8Array([heard.length]))
      },
    })
    await meet(at, 1, async meeting => {
      expect(await meeting.exchange(GET)).toEqual(concat(SUCCESS, new Uint8Array([1])))
      expect(await meeting.exchange(PUT)).toEqual(concat(SUCCESS, new Uint8Array([2])))
    })
    await phone
    expect(heard).toEqual([GET, PUT])
  })

  it('takes the longest message of the service, either way', async () => {
    const at = await reader()
    const longest = encodeRequest({ code: 'PUT', information: new Uint8Array(SERVICE_LIMIT) })
    const phone = tapLoopback({ port: at.port, answer: async request => request })
    await meet(at, 1, async meeting => expect(await meeting.exchange(longest)).toEqual(longest))
    await phone
  })

  it('ends when the phone leaves before its answer, which then never goes out', async () => {
    const at = await reader()
    const leave = new AbortController()
    const phone = tapLoopback({
      port: at.port,
      leave: leave.signal,
      answer: async () => {
        leave.abort()
        return SUCCESS
      },
    })
    await meet(at, 1, async meeting => {
      await lost(meeting.exchange(GET))
      await lost(meeting.exchange(GET))
    })
    await phone
  })

  it('ends when the phone leaves between two requests', async () => {
    const at = await reader()
    const leave = new AbortController()
    const phone = tapLoopback({ port: at.port, leave: leave.signal, answer: async () => SUCCESS })
    await meet(at, 1, async meeting => {
      await meeting.exchange(GET)
      leave.abort()
      await phone
      await lost(meeting.exchange(PUT))
    })
  })

  it('ends when the phone is silent for too long', async () => {
    const at = await reader(30)
    const silent = Promise.withResolvers<Bytes>()
    const phone = tapLoopback({ port: at.port, answer: () => silent.promise })
    await meet(at, 1, async meeting => {
      expect((await lost(meeting.exchange(GET))).message).toBe('The phone did not answer within 30 ms.')
    })
    silent.resolve(SUCCESS)
    await phone
  })

  it('ends for both when the terminal leaves', async () => {
    const at = await reader()
    const phone = tapLoopback({ port: at.port, answer: async () => SUCCESS })
    await meet(at, 1, async meeting => {
      await meeting.exchange(GET)
      await meeting.leave()
      await phone
      await lost(meeting.exchange(PUT))
      await meeting.leave()
    })
  })
})

const speak = async (octets: Bytes, asked: boolean): Promise<string> => {
  const at = await reader()
  const socket = connect(at.port, '127.0.0.1')
  const closed = once(socket, 'close')
  if (!asked) {
    socket.write(octets)
    await closed
    return 'dropped unasked'
  }
  socket.once('data', () => socket.write(octets))
  let why = ''
  await meet(at, 1, async meeting => {
    why = (await lost(meeting.exchange(GET))).message
  })
  await closed
  return why
}

describe('what is no phone of ours', () => {
  it('speaks unasked', async () => expect(await speak(frame(SUCCESS), false)).toBe('dropped unasked'))
  it('sends more than a message holds', async () =>
    expect(await speak(u32be(SERVICE_LIMIT + 7), true)).toBe(
      'The phone sent more than a SNEP message of this service holds.',
    ))
  it('hangs up in mid-answer', async () => {
    const at = await reader()
    const socket = connect(at.port, '127.0.0.1')
    socket.once('data', () => socket.end(frame(SUCCESS).slice(0, 7)))
    await meet(at, 1, async meeting => {
      await lost(meeting.exchange(GET))
    })
  })
})

describe('phones in line', () => {
  it('are met one after another; who left before its turn was never there', async () => {
    const at = await reader()
    const order: string[] = []
    const phone = (name: string, leave?: AbortSignal) => {
      const answer = async () => {
        order.push(name)
        return SUCCESS
      }
      return tapLoopback(leave ? { port: at.port, answer, leave } : { port: at.port, answer })
    }
    const taps = at.taps(AbortSignal.timeout(5000))[Symbol.asyncIterator]()
    const first = phone('first')
    const meeting = await taps.next()
    const impatient = new AbortController()
    const second = phone('second', impatient.signal)
    await new Promise(resolve => setTimeout(resolve, 30))
    const third = phone('third')
    await new Promise(resolve => setTimeout(resolve, 30))
    impatient.abort()
    await second
    await new Promise(resolve => setTimeout(resolve, 30))

    await meeting.value.exchange(GET)
    const then = await taps.next()
    await first
    await then.value.exchange(GET)
    await taps.return?.()
    await third
    expect(order).toEqual(['first', 'third'])
  })

  it('wait for a terminal that begins to read later, and again after it paused', async () => {
    const at = await reader()
    const phones = [1, 2].map(() => tapLoopback({ port: at.port, answer: async () => SUCCESS }))
    await meet(at, 1, async meeting => void (await meeting.exchange(GET)))
    await meet(at, 1, async meeting => void (await meeting.exchange(GET)))
    await Promise.all(phones)
  })

  it('are sent away when the reader closes, and taps end', async () => {
    const at = await reader()
    const phone = tapLoopback({ port: at.port, answer: async () => SUCCESS })
    const taps = at.taps(new AbortController().signal)[Symbol.asyncIterator]()
    await taps.next()
    const second = tapLoopback({ port: at.port, answer: async () => SUCCESS })
    const third = taps.next()
    await third
    const end = taps.next()
    await at.close()
    await Promise.all([phone, second])
    expect((await end).done).toBe(true)
  })

  it('taps end with their signal', async () => {
    const at = await reader()
    const stop = new AbortController()
    const next = at.taps(stop.signal)[Symbol.asyncIterator]().next()
    stop.abort()
    expect(await next).toEqual({ done: true, value: undefined })
  })
})

const neverAsked = () => expect.fail('it was asked')

describe('the phone', () => {
  it('finds no field where no terminal listens', async () => {
    const at = await reader()
    await at.close()
    await expect(tapLoopback({ port: at.port, answer: async () => SUCCESS })).rejects.toBeInstanceOf(NoField)
    open.length = 0
  })

  it('that fails turns away, and the failure is told', async () => {
    const at = await reader()
    const phone = tapLoopback({ port: at.port, answer: () => Promise.reject(new Error('disk full')) })
    const told = expect(phone).rejects.toThrow('disk full')
    await meet(at, 1, async meeting => {
      await lost(meeting.exchange(GET))
    })
    await told
  })

  it('taken away before it was there says nothing', async () => {
    const at = await reader()
    await tapLoopback({ port: at.port, answer: neverAsked, leave: AbortSignal.abort() })
    const leave = new AbortController()
    const phone = tapLoopback({ port: at.port, answer: neverAsked, leave: leave.signal })
    leave.abort()
    await phone
  })
})

import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Bytes, fromHex, hex, utf8 } from '#canonical/bytes'
import { frame, unframer } from '#nfc/frame'
import { bareResponse } from '#nfc/snep'
import { isoDepAntenna, tapIsoDep, type VirtualReader, virtualReader } from '../../apps/wallet/antennas/iso-dep.ts'

/** The driver's side of the protocol, as apps/wallet/antennas/ifd/ifdnfcvirt.c has it, spoken by the test. */

const POWER_UP = '01'
const POWER_DOWN = '02'
const RESET = '03'
const PRESENCE = '04'
const TRANSMIT = '05'
const CONTROL = '06'

const ATR = '3b80800101'
const SELECT = '00a4040007f054414c4c590100'
const ENVELOPE = '00c300000610020000000000'
const SUCCESS = bareResponse('SUCCESS')

let folder: string
let socketPath: string
const open: { close(): Promise<void> }[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reader-'))
  socketPath = join(folder, 'reader.sock')
})
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
  rmSync(folder, { recursive: true })
})

const reader = async (): Promise<VirtualReader> => {
  const one = await virtualReader({ socketPath })
  open.push(one)
  return one
}

const connection = async (kind: string): Promise<Socket> => {
  const socket = connect(socketPath)
  await once(socket, 'connect')
  socket.write(utf8(kind))
  open.push({ close: async () => void socket.destroy() })
  return socket
}

/** Sends operations, one after another, and gives status and octets of each answer in hex. */
const driver = async (): Promise<(operation: string, octets?: string) => Promise<string>> => {
  const socket = await connection('C')
  const take = unframer(1000)
  const answers: ((answer: Bytes) => void)[] = []
  socket.on('data', chunk => {
    for (const answer of take(chunk)) answers.shift()?.(answer)
  })
  return async (operation, octets = '') => {
    const answer = new Promise<Bytes>(resolve => answers.push(resolve))
    socket.write(frame(fromHex(operation + octets)))
    return hex(await answer)
  }
}

describe('a reader', () => {
  it('without card is empty, and knows nothing else', async () => {
    await reader()
    const ask = await driver()
    expect(await ask(PRESENCE)).toBe('0000')
    for (const operation of [POWER_UP, POWER_DOWN, RESET, TRANSMIT, CONTROL, 'ff', ''])
      expect(await ask(operation)).toBe('01')
  })

  it('with a phone is a card that answers', async () => {
    const at = await reader()
    const ask = await driver()
    const tapped = tapIsoDep({ reader: at, answer: async () => SUCCESS })
    expect(await ask(PRESENCE)).toBe('0001')
    expect(await ask(POWER_UP)).toBe(`00${ATR}`)
    // Put to rest by a reader that nobody used, the phone stays.
    expect(await ask(POWER_DOWN)).toBe('00')
    expect(await ask(POWER_UP)).toBe(`00${ATR}`)
    expect(await ask(TRANSMIT, ENVELOPE)).toBe('006985')
    expect(await ask(TRANSMIT, SELECT)).toBe('009000')
    expect(await ask(TRANSMIT, ENVELOPE)).toBe(`00${hex(SUCCESS)}9000`)
    expect(await ask(RESET)).toBe(`00${ATR}`)
    expect(await ask(TRANSMIT, ENVELOPE)).toBe('006985')
    expect(await ask(CONTROL, 'ff00480000')).toBe('01')
    expect(await ask(POWER_DOWN)).toBe('00')
    expect(await ask(PRESENCE)).toBe('0000')
    await tapped
  })

  it('tells of a card that comes and goes', async () => {
    const at = await reader()
    const events = await connection('E')
    const ask = await driver()
    await ask(PRESENCE)
    const leave = new AbortController()
    const tapped = tapIsoDep({ reader: at, answer: async () => SUCCESS, leave: leave.signal })
    await once(events, 'data')
    leave.abort()
    await once(events, 'data')
    // Not gone before the driver has seen it: the next card would be taken for this one.
    let gone = false
    const ended = tapped.then(() => {
      gone = true
    })
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(gone).toBe(false)
    expect(await ask(PRESENCE)).toBe('0000')
    await ended
  })

  it('has a phone torn out in mid-answer', async () => {
    const at = await reader()
    const ask = await driver()
    const leave = new AbortController()
    const tapped = tapIsoDep({
      reader: at,
      leave: leave.signal,
      answer: async () => {
        leave.abort()
        return SUCCESS
      },
    })
    await ask(POWER_UP)
    await ask(TRANSMIT, SELECT)
    expect(await ask(TRANSMIT, ENVELOPE)).toBe('01')
    expect(await ask(PRESENCE)).toBe('0000')
    await tapped
  })

  it('has a phone that fails as one torn out, and the failure is told', async () => {
    const at = await reader()
    const ask = await driver()
    const told = expect(
      tapIsoDep({ reader: at, answer: () => Promise.reject(new Error('disk full')) }),
    ).rejects.toThrow('disk full')
    await ask(POWER_UP)
    await ask(TRANSMIT, SELECT)
    expect(await ask(TRANSMIT, ENVELOPE)).toBe('01')
    await ask(PRESENCE)
    await told
  })

  it('sends away who is no driver', async () => {
    await reader()
    await once(await connection('X'), 'close')
    const socket = await connection('C')
    socket.write(fromHex('ffffffff'))
    await once(socket, 'close')
  })

  it('takes the place of a reader whose process was killed', async () => {
    const first = await reader()
    await first.close()
    open.length = 0
    writeFileSync(socketPath, '')
    await reader()
    expect(await (await driver())(PRESENCE)).toBe('0000')
  })
})

describe('an antenna', () => {
  it('has phones stand in line; who leaves it was never there', async () => {
    const antenna = isoDepAntenna(socketPath)
    open.push(antenna)
    const order: string[] = []
    const tap = (name: string, leave = new AbortController().signal) =>
      antenna(
        'till-1',
        async () => {
          order.push(name)
          return SUCCESS
        },
        leave,
      )
    const impatient = new AbortController()
    const taps = [tap('first'), tap('second', impatient.signal), tap('third')]
    await new Promise(resolve => setTimeout(resolve, 20))
    impatient.abort()
    await taps[1]

    const ask = await driver()
    for (let count = 0; count < 2; count++) {
      while ((await ask(PRESENCE)) !== '0001');
      await ask(POWER_UP)
      await ask(TRANSMIT, SELECT)
      expect(await ask(TRANSMIT, ENVELOPE)).toBe(`00${hex(SUCCESS)}9000`)
      await ask(POWER_DOWN)
      await ask(PRESENCE)
    }
    await Promise.all(taps)
    expect(order).toEqual(['first', 'third'])
  })
})

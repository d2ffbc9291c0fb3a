import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hex } from '#canonical/bytes'
import { encodeRequest, encodeResponse } from '#nfc/snep'
import { type Pcsc, startPcsc } from './pcsc.ts'

/** Real pcscd, real nfc-pcsc; a virtual reader, and a phone in a process of its own. */

const root = join(import.meta.dirname, '..', '..')
const TIMEOUT_MS = 1500

type Told = {
  readonly pid: number
  tell(call: string, argument?: string): Promise<unknown>
  readonly process: ChildProcess
}

class Failed extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Starts a process that is told what to do by messages. */
const told = async (command: readonly [string, ...string[]]): Promise<Told> => {
  const [file, ...args] = command
  const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [first] = await once(child, 'message')
  expect(first).toEqual({ ready: true })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  child.on('message', (reply: { id: number; value?: unknown; code?: string; message?: string }) => {
    const asked = waiting.get(reply.id)
    waiting.delete(reply.id)
    if (reply.message === undefined) asked?.resolve(reply.value)
    else asked?.reject(new Failed(reply.code ?? 'none', reply.message))
  })
  let count = 0
  return {
    pid: child.pid ?? 0,
    process: child,
    tell: (call, argument) => {
      const asked = Promise.withResolvers<unknown>()
      waiting.set(++count, asked)
      child.send({ id: count, call, argument })
      return asked.promise
    },
  }
}

/** A zombie, which an orphan stays until the machine's first process takes it away, is dead. */
const alive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Asks until it is so; the last answer is the one that fails. */
const eventually = async (look: () => unknown, within_ms = 15_000): Promise<void> => {
  for (const end = Date.now() + within_ms; ; await new Promise(resolve => setTimeout(resolve, 20))) {
    try {
      await look()
      return
    } catch (error) {
      if (Date.now() > end) throw error
    }
  }
}

const information = (size: number) => new Uint8Array(size).fill(0x5a)
const put = (size: number) => hex(encodeRequest({ code: 'PUT', information: information(size) }))
const success = (size: number) => hex(encodeResponse({ code: 'SUCCESS', information: information(size) }))

let pcsc: Pcsc
let phone: Told
let terminal: Told

const startTerminal = (reader: number): Promise<Told> =>
  told(
    pcsc.inside([process.execPath, 'test/machines/pcsc-terminal.mjs', pcsc.readers[reader] ?? '', String(TIMEOUT_MS)]),
  )
const startPhone = (reader: number): Promise<Told> =>
  told([process.execPath, 'test/machines/pcsc-phone.mjs', pcsc.socketPaths[reader] ?? ''])
const end = async (one: Told | undefined): Promise<void> => {
  if (!one || one.process.exitCode !== null || one.process.signalCode !== null) return
  const gone = once(one.process, 'exit')
  one.process.disconnect()
  await gone
}

const childOf = async (one: Told): Promise<number> => ((await one.tell('pids')) as number[])[0] ?? 0
const ready = (one: Told): Promise<void> =>
  eventually(async () => expect(await one.tell('state')).toMatchObject({ state: 'ready' }))

/** One tap that works. */
const tapAndPay = async (at = terminal, by = phone): Promise<void> => {
  const met = at.tell('meet')
  const tapped = by.tell('tap', 'echo')
  await met
  expect(await at.tell('exchange', put(40))).toBe(success(40))
  await at.tell('leave')
  await tapped
}

beforeAll(async () => {
  spawnSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'], { cwd: root })
  pcsc = await startPcsc({ readers: 2 })
  phone = await startPhone(0)
  terminal = await startTerminal(0)
  await ready(terminal)
})

afterAll(async () => {
  await end(terminal)
  await end(phone)
  await pcsc?.stop()
})

describe('a tap over PC/SC', () => {
  it('is between four processes', async () => {
    const pids = [terminal.pid, await childOf(terminal), pcsc.pid(), phone.pid]
    expect(new Set(pids).size).toBe(4)
    for (const pid of pids) expect(pid > 0 && alive(pid)).toBe(true)
    await tapAndPay()
  })

  it.each([0, 1, 248, 249, 250, 600, 4096])('carries %i octets both ways', async size => {
    const met = terminal.tell('meet')
    const tapped = phone.tell('tap', 'echo')
    await met
    expect(await terminal.tell('exchange', put(size))).toBe(success(size))
    expect(await terminal.tell('exchange', put(1))).toBe(success(1))
    await terminal.tell('leave')
    await tapped
  })

  it('ends for the phone when the terminal goes on to the next', async () => {
    const met = terminal.tell('meet')
    const tapped = phone.tell('tap', 'echo')
    await met
    const next = terminal.tell('meet')
    await tapped
    const again = phone.tell('tap', 'echo')
    await next
    await terminal.tell('leave')
    await again
  })

  it('is met each time, however fast one follows the other', async () => {
    for (let count = 0; count < 150; count++) await tapAndPay()
  })

  it('each terminal has its own reader', async () => {
    const second = await startTerminal(1)
    const secondPhone = await startPhone(1)
    await ready(second)
    await Promise.all([tapAndPay(), tapAndPay(second, secondPhone)])
    await end(second)
    await end(secondPhone)
  })
})

describe('what goes wrong in the field', () => {
  it('a card torn out before its answer: the field is lost, and the next tap works', async () => {
    const met = terminal.tell('meet')
    const tapped = phone.tell('tap', 'leaves')
    await met
    await expect(terminal.tell('exchange', put(300))).rejects.toMatchObject({ code: 'FieldLost' })
    await expect(terminal.tell('exchange', put(1))).rejects.toMatchObject({ code: 'FieldLost' })
    await tapped
    await tapAndPay()
  })

  it('a card torn out between two exchanges', async () => {
    const met = terminal.tell('meet')
    const tapped = phone.tell('tap', 'echo')
    await met
    await terminal.tell('exchange', put(1))
    await phone.tell('leave')
    await tapped
    await expect(terminal.tell('exchange', put(1))).rejects.toMatchObject({ code: 'FieldLost' })
    await tapAndPay()
  })

  it('another card: the peer is unfit, and the next tap works', async () => {
    const met = terminal.tell('meet')
    await phone.tell('layForeignCard')
    await met
    await expect(terminal.tell('exchange', put(1))).rejects.toMatchObject({
      code: 'PeerUnfit',
      message: 'Not a Tallystick phone: it answered SW 6A82 to SELECT.',
    })
    await terminal.tell('leave')
    await phone.tell('removeCard')
    await tapAndPay()
  })

  it('a card that never answers: the field is lost in time, and the child is replaced', async () => {
    const child = await childOf(terminal)
    const met = terminal.tell('meet')
    const tapped = phone.tell('tap', 'mute')
    await met
    const began = performance.now()
    await expect(terminal.tell('exchange', put(1))).rejects.toMatchObject({ code: 'FieldLost' })
    expect(performance.now() - began).toBeLessThan(TIMEOUT_MS + 1000)
    expect(await terminal.tell('state')).toMatchObject({
      state: 'fault',
      message: `The reader's process is started again. The card and the reader said nothing for ${TIMEOUT_MS} ms.`,
    })
    await phone.tell('leave')
    await tapped
    await ready(terminal)
    expect(await childOf(terminal)).not.toBe(child)
    expect(alive(child)).toBe(false)
    await tapAndPay()
  })
})

describe('what dies', () => {
  it('the child, in mid-exchange: the field is lost, and another child takes over', async () => {
    const child = await childOf(terminal)
    const met = terminal.tell('meet')
    const tapped = phone.tell('tap', 'mute')
    await met
    const exchanged = expect(terminal.tell('exchange', put(1))).rejects.toMatchObject({ code: 'FieldLost' })
    process.kill(child, 'SIGKILL')
    await exchanged
    await phone.tell('leave')
    await tapped
    await ready(terminal)
    expect(await childOf(terminal)).not.toBe(child)
    await tapAndPay()
  })

  it('the child, without ending: it is caught by its silence', async () => {
    const child = await childOf(terminal)
    process.kill(child, 'SIGSTOP')
    await eventually(() => expect(alive(child)).toBe(false))
    await ready(terminal)
    expect(await childOf(terminal)).not.toBe(child)
    await tapAndPay()
  })

  it('the daemon: the state says so, and a new one is found', async () => {
    const daemon = pcsc.pid()
    await pcsc.kill()
    await eventually(async () =>
      expect(await terminal.tell('state')).toEqual({
        state: 'fault',
        message: 'The PC/SC daemon is not running, start it: systemctl start pcscd.socket',
      }),
    )
    await pcsc.start()
    expect(pcsc.pid()).not.toBe(daemon)
    await ready(terminal)
    await tapAndPay()
  })

  it('the phone: the field is lost, and a new one is met', async () => {
    const met = terminal.tell('meet')
    void phone.tell('tap', 'mute')
    await met
    const exchanged = expect(terminal.tell('exchange', put(1))).rejects.toMatchObject({ code: 'FieldLost' })
    phone.process.kill('SIGKILL')
    await exchanged
    phone = await startPhone(0)
    await tapAndPay()
  })

  it('the terminal: its child goes with it', async () => {
    const child = await childOf(terminal)
    terminal.process.kill('SIGKILL')
    await eventually(() => expect(alive(child)).toBe(false))
    terminal = await startTerminal(0)
    await ready(terminal)
    await tapAndPay()
  })
})

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** A child process that is started again whenever it ends, and killed when it falls silent. */
export type Supervised = {
  readonly pid: () => number | undefined
  /** Into the void while no child is there: whoever waits for an answer has heard `down`. */
  readonly send: (message: object) => void
  /** For a child that does not do what it was asked to. It is started again. */
  readonly kill: (why: string) => void
  readonly close: () => Promise<void>
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000

export const supervised = (options: {
  /** The compiled module to run. */
  readonly module: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The child says something at least this often, or is taken for stuck. */
  readonly silence_ms: number
  readonly hear: (message: unknown) => void
  /** The child is no more, and all that it was asked; another one follows. */
  readonly down: (why: string) => void
}): Supervised => {
  const { module, args, env, silence_ms, hear, down } = options
  let child: ChildProcess | null = null
  let pause_ms = FIRST_PAUSE_MS
  let restart: NodeJS.Timeout | undefined
  let closed = false

  const start = (): void => {
    // By the Node that runs us: the addon is made for it. Without our own flags, which a child need not understand.
    const one = fork(module, args, {
      env: { ...process.env, ...env },
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    child = one
    const born = performance.now()
    const stuck = (): void => kill(`It said nothing for ${silence_ms} ms.`)
    let patience = setTimeout(stuck, silence_ms)
    one.on('message', message => {
      if (child !== one) return
      clearTimeout(patience)
      patience = setTimeout(stuck, silence_ms)
      hear(message)
    })
    const ended = (why: string): void => {
      clearTimeout(patience)
      if (child !== one) return
      child = null
      if (closed) return
      // What dies young is given time; what lived is there again at once.
      pause_ms = performance.now() - born > 2 * LONGEST_PAUSE_MS ? FIRST_PAUSE_MS : pause_ms
      restart = setTimeout(start, pause_ms)
      pause_ms = Math.min(2 * pause_ms, LONGEST_PAUSE_MS)
      down(why)
    }
    one.on('exit', (code, signal) => ended(`It ended with ${signal ?? `exit code ${code}`}.`))
    one.on('error', error => {
      // A failed start has no exit; a failed message is told by the exit that follows.
      if (one.pid === undefined) ended(error.message)
    })
    one.on('kill', ended)
  }

  const kill = (why: string): void => {
    const one = child
    if (!one) return
    one.kill('SIGKILL')
    // Not waited for: a thread of it that hangs in the kernel would hold its exit back.
    one.emit('kill', why)
  }

  start()
  return {
    pid: () => child?.pid,
    send: message => {
      if (child?.connected) child.send(message, () => {})
    },
    kill,
    close: async () => {
      closed = true
      clearTimeout(restart)
      const one = child
      if (!one || one.exitCode !== null || one.signalCode !== null) return
      const gone = once(one, 'exit')
      one.kill('SIGKILL')
      await gone
    },
  }
}

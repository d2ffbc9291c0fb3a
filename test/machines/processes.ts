import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { accessSync, chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fewArenas } from '#machine/heap'

/** The apps as what they are: processes, each with a folder of its own, that meet over HTTP and over the air. */

export const project = join(import.meta.dirname, '..', '..')
export const isRoot = process.getuid?.() === 0

/** What the processes run. It is compiled whatever the types say: that is the type check's to tell. */
export const compile = (): void => {
  spawnSync(process.execPath, [join(project, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'], { cwd: project })
  accessSync(join(project, 'dist', 'apps', 'terminal', 'main.js'))
}

/* ---- one process */

export type Running = {
  readonly name: string
  readonly pid: number
  readonly process: ChildProcess
  /** All that it printed so far: what a failed test wants to show. */
  said(): string
  /** Settles when it has ended, whoever ended it. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  signal(signal: NodeJS.Signals): void
  /** By SIGTERM, and by SIGKILL where that does nothing. */
  end(): Promise<void>
  kill(): Promise<void>
}

export type RunOptions = {
  /** Runs as this user, who exists by the number alone. Only root can ask for it. */
  readonly user?: number | undefined
  readonly stdio?: 'ipc and moments'
  /** At the head of a process group of its own, as a shell starts it. */
  readonly group?: boolean
  /** Around the command line: into a namespace. */
  readonly inside?: (command: readonly string[]) => readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const running = new Set<Running>()

/** Ends with whoever ran the test, however that ends. */
const withUs = (user: number | undefined): string[] => {
  const as = user === undefined ? [] : [`--reuid=${user}`, `--regid=${user}`, '--clear-groups']
  return [...(user === undefined || open(project) ? [] : elsewhere()), 'setpriv', ...as, '--pdeathsig', 'KILL']
}

/** May anybody go there? */
const open = (path: string): boolean =>
  (statSync(path).mode & 0o001) !== 0 && (path === dirname(path) || open(dirname(path)))

/** The project lies in a folder of root's own: another user sees it in another place, in a namespace of the process. */
const elsewhere = (): string[] => {
  const mount = 'place=$(mktemp -d) && mount -t tmpfs -o mode=711 tmpfs "$place" && mkdir "$place/project" && '
  const enter = 'mount --bind "$PWD" "$place/project" && cd "$place/project" && exec "$@"'
  return ['unshare', '--mount', 'sh', '-c', mount + enter, 'sh']
}

/** This Node, by a path that leads there from the project, wherever it lies. */
const node = process.execPath.startsWith(project) ? `./${relative(project, process.execPath)}` : process.execPath

/** One of the product's programs, under this Node. */
export const program = (path: string, args: readonly string[]): string[] => [node, path, ...args]

export const run = (name: string, command: readonly string[], options: RunOptions = {}): Running => {
  const { user, inside = same => same, env = {} } = options
  const [file = '', ...args] = inside([...withUs(user), ...command])
  const child = spawn(file, args, {
    cwd: project,
    detached: options.group ?? false,
    stdio: ['ignore', 'pipe', 'pipe', ...(options.stdio ? (['pipe', 'ipc'] as const) : [])],
    // As the demo and the images start them.
    env: { PATH: process.env['PATH'], ...fewArenas, ...env },
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      printed += chunk
    })
  const ended = new Promise<Awaited<Running['ended']>>(resolve =>
    child.once('exit', (code, signal) => {
      running.delete(one)
      resolve({ code, signal })
    }),
  )
  const one: Running = {
    name,
    pid: child.pid ?? 0,
    process: child,
    said: () => printed,
    ended,
    signal: signal => void child.kill(signal),
    end: async () => {
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      const patience = setTimeout(() => child.kill('SIGKILL'), 8000)
      await ended
      clearTimeout(patience)
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
  running.add(one)
  return one
}

/** After a test: whatever it left running. */
export const endAll = async (): Promise<void> => {
  await Promise.all([...running].map(one => one.end()))
}

/** Of one that is expected to end by itself. One that goes on is ended with all that it started. */
export const endOf = async (one: Running, within_ms = 20_000): Promise<Awaited<Running['ended']>> => {
  const patience = setTimeout(() => void one.end(), within_ms)
  const ended = await one.ended
  clearTimeout(patience)
  return ended
}

/* ---- what is asked of it */

export type Body = Record<string, unknown>
export type Reply = { readonly status: number; readonly body: Body }

/** Who signs in at a centre of this address: the administrator, with the password in this file. */
const doors = new Map<string, { readonly passwordFile: string; cookie?: string }>()

/** What a centre is started with, so that `call` and `ask` find its door open. */
export const withAdministrator = (url: string, folder: string): string[] => {
  const passwordFile = join(folder, 'administrator-password')
  signsIn(url, passwordFile)
  return ['--administrator-password-file', passwordFile]
}
export const signsIn = (url: string, passwordFile: string): void =>
  void doors.set(new URL(url).origin, { passwordFile })
export const passwordAt = (url: string): string =>
  readFileSync(doors.get(new URL(url).origin)?.passwordFile ?? '', 'utf8').trim()

/** A session at a centre, as its cookie; none where nobody signs in. */
export const cookieAt = async (url: string): Promise<string | undefined> => {
  const { origin } = new URL(url)
  const door = doors.get(origin)
  if (!door) return undefined
  if (door.cookie === undefined) {
    const who = { operator: 'administrator', password: passwordAt(origin) }
    const { status, body, cookie } = await send('POST', `${origin}/api/session`, who)
    if (status !== 200) throw new Error(`nobody signs in at ${origin}: ${JSON.stringify(body)}`)
    door.cookie = cookie ?? ''
  }
  return door.cookie
}

/** As an operator, where one signs in there; again where a session was lost. */
export const call = async (
  method: 'GET' | 'POST',
  url: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> => {
  const cookie = await cookieAt(url)
  const reply = await send(method, url, body, { ...(cookie === undefined ? {} : { cookie }), ...headers })
  const door = doors.get(new URL(url).origin)
  if (reply.status !== 401 || !door) return { status: reply.status, body: reply.body }
  delete door.cookie
  const again = await send(method, url, body, { cookie: (await cookieAt(url)) ?? '', ...headers })
  return { status: again.status, body: again.body }
}

/** Whose word stands for the tests' certificates. */
export const tlsAuthority = join(project, 'test', 'vectors', 'tls', 'authority.pem')

/** A connection of its own for each call, so that none is left over from a process that was killed. */
const send = (
  method: 'GET' | 'POST',
  url: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply & { readonly cookie?: string | undefined }> =>
  new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const type = text === undefined ? {} : { 'content-type': 'application/json' }
    const options = { method, agent: false as const, timeout: 30_000, headers: { ...type, ...headers } }
    const heard = (answer: IncomingMessage): void => {
      let said = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk
      })
      answer.on('error', reject)
      answer.on('end', () => {
        const cookie = answer.headers['set-cookie']?.[0]?.split(';')[0]
        resolve({ status: answer.statusCode ?? 0, body: JSON.parse(said) as Body, cookie })
      })
    }
    const asked = url.startsWith('https:')
      ? secureRequest(url, { ...options, ca: readFileSync(tlsAuthority) }, heard)
      : request(url, options, heard)
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${url} had no answer within 30 seconds`)))
    asked.on('error', reject)
    asked.end(text)
  })

/** What answers with anything but success has failed the test. */
export const ask = async (method: 'GET' | 'POST', url: string, body?: unknown): Promise<Body> => {
  const reply = await call(method, url, body)
  if (reply.status >= 300) throw new Error(`${method} ${url} answered ${reply.status}: ${JSON.stringify(reply.body)}`)
  return reply.body
}

/** Asks until it is so; the last answer is the one that fails. */
export const eventually = async <Answer>(look: () => Answer | Promise<Answer>, within_ms = 15_000): Promise<Answer> => {
  for (const end = Date.now() + within_ms; ; await new Promise(resolve => setTimeout(resolve, 20))) {
    try {
      return await look()
    } catch (error) {
      if (Date.now() > end) throw error
    }
  }
}

export const healthy = (one: Running, url: string): Promise<Body> =>
  eventually(async () => {
    if (!running.has(one)) throw new Error(`${one.name} ended before it was ready. It said:\n${one.said()}`)
    return ask('GET', `${url}/api/health`)
  })

/* ---- places */

// Below the ports that outgoing connections take and above the last that a browser refuses. Each process begins
// elsewhere, or two runs on one machine would find the same port free before either listens.
const firstPort = 10_100 + (process.pid % 200) * 100
let handedOut = firstPort
export const isFree = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })

/** The first of as many ports in a row that are free and that no test of this file has had. */
export const freePorts = async (count = 1): Promise<number> => {
  for (;;) {
    const first = handedOut
    handedOut += count
    if (handedOut > 32_000) throw new Error('no port is free')
    const row = Array.from({ length: count }, (_, place) => first + place)
    if ((await Promise.all(row.map(isFree))).every(Boolean)) return first
  }
}

/** A place for folders, which whoever owns one of them can reach. */
export const makePlace = (name: string) => {
  const path = mkdtempSync(join(tmpdir(), `tallystick-${name}-`))
  chmodSync(path, 0o711)
  return {
    path,
    /** A folder that its owner alone can look into. */
    folder: (app: string, user?: number): string => {
      const made = join(path, app)
      mkdirSync(made, { mode: 0o700 })
      if (user !== undefined) chownSync(made, user, user)
      return made
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

/* ---- what /proc says */

/** A zombie, which an orphan stays until the machine's first process takes it away, is dead. */
export const alive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

export const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)

export const commandOf = (pid: number): string =>
  readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()

/** A process that appends to one SQLite file without a pause, and says what was acknowledged, a line each. */
export const appender = (file: string, name: string): Running => {
  const flags = ['--conditions=source', '--experimental-transform-types', '--disable-warning=ExperimentalWarning']
  const [node = '', ...args] = program('test/machines/appender.ts', [file, name])
  return run(name, [node, ...flags, ...args])
}

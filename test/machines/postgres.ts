import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { alive, childrenOf, eventually, freePorts, isRoot, makePlace } from './processes.ts'

/** A real PostgreSQL with a cluster of its own in a temporary folder, which can be killed and started again. */

const versions = '/usr/lib/postgresql'
const binaries = (): string => {
  const newest = existsSync(versions) ? Math.max(0, ...readdirSync(versions).map(Number)) : 0
  if (newest < 15) throw new Error('PostgreSQL 15 or newer is not installed: apt-get install postgresql')
  return join(versions, `${newest}`, 'bin')
}

/** PostgreSQL refuses to run as root. */
const asItsUser = (command: readonly string[]): [string, string[]] => {
  const as = isRoot ? ['--reuid=postgres', '--regid=postgres', '--clear-groups'] : []
  return ['setpriv', [...as, '--pdeathsig', 'KILL', ...command]]
}

export type Postgres = Awaited<ReturnType<typeof startPostgres>>

export const startPostgres = async () => {
  const bin = binaries()
  const place = makePlace('postgres')
  const data = join(place.path, 'data')
  const password = join(place.path, 'password')
  writeFileSync(password, 'tap')
  mkdirSync(data, { mode: 0o700 })
  if (isRoot) {
    const [user = 0, group = 0] = ['-u', '-g'].map(which => Number(spawnSync('id', [which, 'postgres']).stdout))
    for (const path of [place.path, data, password]) chownSync(path, user, group)
  }
  const setUp = ['--auth=scram-sha-256', `--pwfile=${password}`, '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync']
  const [file, args] = asItsUser([join(bin, 'initdb'), '-D', data, '-U', 'tallystick', ...setUp])
  const made = spawnSync(file, args, { cwd: place.path, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)

  const port = await freePorts()
  let server: ChildProcess
  let said = ''
  const settings = ['-c', 'max_connections=60', '-c', 'shared_buffers=32MB', '-c', 'unix_socket_directories=']

  /** One statement or several, by PostgreSQL's own client. */
  const sql = (text: string, database = 'postgres'): string => {
    const { status, stdout, stderr } = spawnSync(
      join(bin, 'psql'),
      ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-c', text, urlOf(port, database)],
      { encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(stderr)
    return stdout.trim()
  }
  const isReady = () => {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended before it was ready. It said:\n${said}`)
    const { status } = spawnSync(join(bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', `${port}`])
    if (status !== 0) throw new Error(`PostgreSQL is not ready. It said:\n${said}`)
  }
  const start = async (): Promise<void> => {
    const [file, args] = asItsUser([join(bin, 'postgres'), '-D', data, '-h', '127.0.0.1', '-p', `${port}`, ...settings])
    server = spawn(file, args, { cwd: place.path, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [server.stdout, server.stderr])
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk
      })
    await eventually(isReady, 30_000)
  }
  const ended = async (): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
  }
  await start()
  return {
    port,
    url: urlOf(port),
    sql,
    start,
    said: () => said,
    /** Every process of it at once, as the power would. */
    kill: async (): Promise<void> => {
      const pid = server.pid as number
      server.kill('SIGSTOP')
      const all = [...childrenOf(pid), pid]
      for (const each of all) process.kill(each, 'SIGKILL')
      await ended()
      await eventually(() => {
        if (all.some(alive)) throw new Error('PostgreSQL is still there')
      })
    },
    /** One process that serves a connection: PostgreSQL ends all others and recovers. */
    killBackend: (): Promise<void> =>
      eventually(() => {
        const [pid] = sql("select pid from pg_stat_activity where application_name = 'tallystick' limit 1").split('\n')
        if (!pid) throw new Error('nobody is connected')
        process.kill(Number(pid), 'SIGKILL')
      }),
    stop: async (): Promise<void> => {
      server.kill('SIGINT')
      await ended()
    },
    remove: async (): Promise<void> => {
      server.kill('SIGQUIT')
      await ended()
      place.remove()
    },
  }
}

const urlOf = (port: number, database = 'postgres'): string => `postgres://tallystick:tap@127.0.0.1:${port}/${database}`

/** What becomes of the next question that goes over the wire: its connection is cut at that place, or falls silent. */
export type Cut = 'before the server has it' | 'before its answer' | 'never answered'

/** A wire between a store and its server that can be cut. */
export const wireTo = async (port: number) => {
  let armed: { readonly cut: Cut; readonly word: string } | undefined
  let cuts = 0
  const open = new Set<Socket>()
  const wire = createServer(near => {
    const far = connect(port, '127.0.0.1')
    const both = [near, far]
    let cut: Cut | undefined
    const end = () => {
      for (const each of both) each.destroy()
    }
    for (const each of both) {
      open.add(each)
      each.on('error', end)
      each.on('close', () => {
        open.delete(each)
        end()
      })
    }
    near.on('data', chunk => {
      if (armed !== undefined && chunk.includes(armed.word)) {
        cut = armed.cut
        armed = undefined
        cuts += 1
      }
      if (cut === 'before the server has it') end()
      else far.write(chunk)
    })
    far.on('data', chunk => {
      if (cut === 'before its answer') end()
      else if (cut !== 'never answered') near.write(chunk)
    })
  })
  wire.listen(0, '127.0.0.1')
  await once(wire, 'listening')
  const address = wire.address()
  if (address === null || typeof address === 'string') throw new Error('the wire has no port')
  return {
    url: urlOf(address.port),
    /** The next question that holds the word meets it. */
    arm: (cut: Cut, word = 'append'): void => {
      armed = { cut, word }
    },
    cuts: () => cuts,
    close: async (): Promise<void> => {
      for (const each of open) each.destroy()
      wire.close()
      await once(wire, 'close')
    },
  }
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A real pcscd with virtual readers, apart from any other on the machine: pcscd's place in /run is compiled in, so each
 * has a mount namespace of its own. Whoever shall see this daemon is spawned into it by `inside`; a virtual reader's
 * socket is an ordinary path, and the phone behind it may live outside.
 */
export type Pcsc = {
  /** Names of the virtual readers, as PC/SC shows them but for its suffix; each has the socket at the same place. */
  readonly readers: readonly string[]
  readonly socketPaths: readonly string[]
  /** Of the daemon that runs now. */
  pid(): number
  /** A command line that runs the given one inside, in the same working directory, under the same pid. */
  inside(command: readonly string[]): readonly [string, ...string[]]
  /** Ends the daemon by SIGKILL, as a crash would. */
  kill(): Promise<void>
  /** After `kill`: another daemon in the same place. */
  start(): Promise<void>
  stop(): Promise<void>
}

const project = join(import.meta.dirname, '..', '..')
const PACKAGES = ['pcscd', 'libpcsclite-dev', 'gcc', 'g++', 'libc6-dev', 'make', 'python3']
const DAEMON = '/usr/sbin/pcscd'
/** A test that is killed leaves nothing behind that runs. */
const WITH_US = ['setpriv', '--pdeathsig', 'KILL']

/** Installs what is missing where that can be done, builds addon, driver; throws with a line to paste otherwise. */
const preparePcsc = (): void => {
  const there = [DAEMON, '/usr/include/PCSC/winscard.h'].every(existsSync)
  if (!there || spawnSync('gcc', ['--version']).status !== 0 || spawnSync('g++', ['--version']).status !== 0) {
    const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...PACKAGES]
    if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
      throw new Error(`The PC/SC tests need packages, paste: sudo ${install.join(' ')}`)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    if (spawnSync('apt-get', install.slice(1), { env }).status !== 0) spawnSync('apt-get', ['update'], { env })
    const { status, stderr } = spawnSync('apt-get', install.slice(1), { env, encoding: 'utf8' })
    if (status !== 0) throw new Error(`Installing ${PACKAGES.join(' ')} failed: ${stderr}`)
  }
  for (const script of ['apps/terminal/pcsc/build.mjs', 'apps/wallet/antennas/ifd/build.mjs']) {
    const { status, stderr } = spawnSync(process.execPath, [script, '--require'], { cwd: project, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${script}: ${stderr}`)
  }
}

export const startPcsc = async ({ readers: count }: { readonly readers: number }): Promise<Pcsc> => {
  preparePcsc()
  const folder = mkdtempSync(join(tmpdir(), 'pcsc-'))
  const readers = Array.from({ length: count }, (_, at) => `Tallystick Virtual ${String.fromCharCode(65 + at)}`)
  const socketPaths = readers.map((_, at) => join(folder, `reader-${at}.sock`))
  writeFileSync(
    join(folder, 'readers'),
    readers
      .map((name, at) =>
        [
          `FRIENDLYNAME "${name}"`,
          `DEVICENAME /dev/null:${socketPaths[at]}`,
          `LIBPATH ${join(project, 'dist', 'ifd', 'libifdnfcvirt.so')}`,
          `CHANNELID ${at}`,
          '',
        ].join('\n'),
      )
      .join('\n'),
  )

  // The namespace outlives its daemons, so that one can be killed and another started in its place.
  // Without being root, root is what we are in a user namespace of our own; where no daemon ever ran, all of /run is
  // covered to give it its folder.
  const root = process.getuid?.() === 0
  const holder = spawn('unshare', [
    ...(root ? ['--mount'] : ['--map-root-user', '--mount']),
    'sh',
    '-c',
    `{ mkdir -p /run/pcscd 2>&- || { mount -t tmpfs tmpfs /run && mkdir /run/pcscd; }; } &&
      mount -t tmpfs tmpfs /run/pcscd && echo held && exec setpriv --pdeathsig KILL sleep infinity`,
  ])
  const [held] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')])
  if (!String(held).startsWith('held'))
    throw new Error(`A mount namespace cannot be had here (${holder.stderr.read()}): run the tests as root.`)

  // nsenter leaves the working directory behind.
  const inside = (command: readonly string[]): [string, ...string[]] => [
    'nsenter',
    `--target=${holder.pid}`,
    ...(root ? ['--mount'] : ['--user', '--preserve-credentials', '--mount']),
    'sh',
    '-c',
    'cd "$0" && exec "$@"',
    process.cwd(),
    ...command,
  ]

  const daemons: ChildProcess[] = []
  const start = async (): Promise<void> => {
    const [command, ...args] = inside([...WITH_US, DAEMON, '--foreground', '--config', folder])
    const one = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [one.stdout, one.stderr])
      stream.on('data', chunk => {
        said += chunk
      })
    daemons.push(one)
    // Its socket is there before it listens, and it lists its readers a moment after.
    const socket = `/proc/${holder.pid}/root/run/pcscd/pcscd.comm`
    for (const end = Date.now() + 10_000; !(await listens(socket)); ) {
      if (one.exitCode !== null || Date.now() > end) throw new Error(`pcscd did not start: ${said}`)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
  const kill = async (): Promise<void> => {
    const daemon = daemons.at(-1)
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return
    const gone = once(daemon, 'exit')
    daemon.kill('SIGKILL')
    await gone
  }
  await start()

  return {
    readers,
    socketPaths,
    pid: () => {
      const pid = daemons.at(-1)?.pid
      if (pid === undefined) throw new Error('no pcscd runs')
      return pid
    },
    inside,
    kill,
    start,
    stop: async () => {
      await kill()
      const gone = once(holder, 'exit')
      holder.kill('SIGKILL')
      await gone
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const listens = (path: string): Promise<boolean> =>
  new Promise(resolve => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })

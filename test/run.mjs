// `npm test` and its longer sisters. It installs the system packages that the tests need when it is root on Debian, and
// otherwise names them in one line to paste; it skips nothing in silence.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { refuseOldNode } from '../apps/tally/node-version.mjs'

refuseOldNode()
const [what = 'test', ...rest] = process.argv.slice(2)
const root = join(import.meta.dirname, '..')
const node = process.execPath
const bin = path => join(root, 'node_modules', path)

const run = (file, args, options = {}) => {
  const { status, signal } = spawnSync(file, args, { cwd: root, stdio: 'inherit', ...options })
  if (signal) process.exit(130)
  return status ?? 1
}

/** Debian keeps each version of the server in a folder of its own; the tests take the newest from 15 on. */
function newestPostgres() {
  const home = '/usr/lib/postgresql'
  const versions = existsSync(home) ? readdirSync(home).filter(version => Number(version) >= 15) : []
  return join(home, versions.sort((a, b) => Number(b) - Number(a))[0] ?? '15', 'bin', 'initdb')
}

const packages = [
  ['pcscd', '/usr/sbin/pcscd'],
  ['libpcsclite-dev', '/usr/include/PCSC/winscard.h'],
  ['gcc', '/usr/bin/gcc'],
  ['g++', '/usr/bin/g++'],
  ['make', '/usr/bin/make'],
  ['python3', '/usr/bin/python3'],
  ['postgresql', newestPostgres()],
  ['chromium', '/usr/bin/chromium'],
  ['fonts-dejavu-core', '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf'],
]

/** What the machine lacks, installed where that is ours to do. */
const prepare = () => {
  const missing = packages.filter(([, file]) => !existsSync(file)).map(([name]) => name)
  if (missing.length === 0) return
  const line = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    process.stderr.write(
      `The tests need system packages that are not here. Paste this, then run them again:\n  sudo sh -c '${line}'\n`,
    )
    process.exit(1)
  }
  process.stderr.write(`installing ${missing.join(', ')}\n`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  if (run('sh', ['-c', `${line} > ${join(tmpdir(), 'tallystick-apt.log')} 2>&1`], { env }) !== 0) {
    process.stderr.write(`Installing failed; this is the line that did:\n  ${line}\n`)
    process.exit(1)
  }
}

const build = () => {
  const status = run(node, ['apps/tally/build.mjs'])
  if (status !== 0) process.exit(status)
}

const vitest = (args, env = {}) =>
  run(node, [bin('vitest/vitest.mjs'), 'run', ...args], { env: { ...process.env, ...env } })

const requireAddon = () => {
  const status = run(node, ['apps/terminal/pcsc/build.mjs', '--require'])
  if (status !== 0) process.exit(status)
}

switch (what) {
  case 'test': {
    prepare()
    build()
    requireAddon()
    const report = join(tmpdir(), `tallystick-tests-${process.pid}.json`)
    const status = vitest(['--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...rest])
    if (existsSync(report)) {
      const { testResults, numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'))
      const groups = new Map()
      for (const { name, startTime, endTime } of testResults) {
        const group = name.slice(root.length + 1).split('/')[1]
        groups.set(group, (groups.get(group) ?? 0) + (endTime - startTime) / 1000)
      }
      for (const [group, seconds] of [...groups].sort((a, b) => b[1] - a[1]))
        process.stdout.write(`${seconds.toFixed(1).padStart(8)} s  ${group}\n`)
      process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped\n`)
      rmSync(report)
      if (numPendingTests > 0) {
        process.stdout.write('A skipped test is a failed test here.\n')
        process.exit(1)
      }
    }
    process.exit(status)
    break
  }
  case 'kill':
    prepare()
    build()
    process.exit(
      vitest(['--project', 'machines', 'test/machines/kills.test.ts', ...rest], { KILLS: process.env.KILLS ?? '100' }),
    )
    break
  case 'soak':
    prepare()
    build()
    process.exit(
      vitest(['--project', 'machines', 'test/machines/kills.test.ts', 'test/machines/storm.test.ts', ...rest], {
        KILLS: process.env.KILLS ?? '600',
        STORM: process.env.STORM ?? '600',
      }),
    )
    break
  case 'mutants':
    process.exit(run(node, [...fromSource(), 'test/mutation/main.ts', ...rest]))
    break
  case 'sim':
  case 'bench':
    build()
    process.exit(
      run(node, [...fromSource(), what === 'sim' ? 'test/simulation/main.ts' : 'test/bench/main.ts', ...rest]),
    )
    break
  default:
    process.stderr.write(`test/run.mjs knows test, kill, soak, mutants, sim and bench, not ${what}.\n`)
    process.exit(2)
}

/** The tests' own programs run from their sources: nothing of them is built or shipped. */
function fromSource() {
  return ['--conditions=source', '--experimental-transform-types', '--disable-warning=ExperimentalWarning']
}

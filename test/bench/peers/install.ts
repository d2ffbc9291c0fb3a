import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'

/**
 * The peers have a manifest and a lock file of their own, in a folder of their own: a package.json beside the benches
 * would take the doors of the root's from them.
 */
const here = import.meta.dirname
const installed = join(here, 'node_modules')
const stamp = join(installed, '.made-for')

/** The manifest's lock and the ABI that sqlite3's binding was built for. */
const wanted = (): string =>
  `node abi ${process.versions.modules}, lock ${hash('sha256', readFileSync(join(here, 'package-lock.json')))}\n`

const run = (file: string, args: readonly string[], cwd: string, env = process.env): string | undefined => {
  const { status, stdout, stderr, error } = spawnSync(file, args, { cwd, env, encoding: 'utf8' })
  return status === 0 ? undefined : [error?.message, stderr, stdout].filter(Boolean).join('\n').trim().slice(-600)
}

/** Installs them where they are missing; says nothing where they are there, or else why they are not. */
export const installPeers = (say: (line: string) => void): string | undefined => {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted()) return undefined
  say('installing what the store is measured against (emmett 0.42 with its drivers) into test/bench/peers/node_modules')
  const npm = process.env['npm_execpath']
  const ci = ['ci', '--no-progress']
  // Not under our own Node: npm was started by the machine's, and works there.
  const lacking = npm?.endsWith('.js') ? run(process.execPath, [npm, ...ci], here) : run('npm', ci, here)
  if (lacking !== undefined) return `npm ci failed: ${lacking}`

  const prefix = dirname(dirname(process.execPath))
  const headers = existsSync(join(prefix, 'include', 'node', 'node_version.h')) ? [`--nodedir=${prefix}`] : []
  const gyp = join(dirname(createRequire(import.meta.filename).resolve('node-gyp/package.json')), 'bin', 'node-gyp.js')
  // Under npm, the user's own nodedir stands in the environment, and node-gyp believes it before its arguments.
  const own = Object.entries(process.env).filter(([name]) => !/^npm_config_/i.test(name))
  const env = { ...Object.fromEntries(own), PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` }
  say("building sqlite3's binding for this Node, about a minute")
  const unbuilt = run(process.execPath, [gyp, 'rebuild', '--silent', ...headers], join(installed, 'sqlite3'), env)
  if (unbuilt !== undefined) return `node-gyp could not build sqlite3: ${unbuilt}`
  writeFileSync(stamp, wanted())
  return undefined
}

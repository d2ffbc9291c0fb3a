// Builds what is out of date, with a line for each step: the servers by tsc, the reader's addon, the pages by Vite.
// Plain JavaScript, since it runs before anything is built.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { refuseOldNode } from './node-version.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const quiet = process.argv.includes('--quiet')
refuseOldNode()

const newest = path => {
  if (!existsSync(path)) return 0
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...readdirSync(path).map(name => newest(join(path, name))))
}

const step = (name, args, { always = false, out, inputs = [] } = {}) => {
  const made = out === undefined ? 0 : newest(join(root, out))
  if (!always && made > 0 && inputs.every(input => newest(join(root, input)) <= made)) return false
  const began = performance.now()
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}\nBuilding ${name} failed.\n`)
    process.exit(1)
  }
  process.stderr.write(stderr)
  if (!quiet || !always) process.stderr.write(`built ${name} in ${seconds} s\n`)
  return true
}

/** Beside each text file its gzip and brotli: the server sends what the browser takes, and compresses nothing itself. */
const compress = folder => {
  for (const name of readdirSync(join(root, folder), { recursive: true })) {
    if (!/\.(js|css|html|svg)$/.test(name)) continue
    const file = join(root, folder, name)
    const octets = readFileSync(file)
    writeFileSync(`${file}.gz`, gzipSync(octets, { level: 9 }))
    writeFileSync(`${file}.br`, brotliCompressSync(octets))
  }
}

mkdirSync(join(root, 'dist'), { recursive: true })
const bin = path => join(root, 'node_modules', path)
step('servers', [bin('typescript/bin/tsc'), '-b'], { always: true })
if (!quiet) step('reader addon', ['apps/terminal/pcsc/build.mjs'], { always: true })
for (const app of ['back-office', 'terminal', 'wallet']) {
  if (quiet) break
  const built = step(
    `${app} pages`,
    [bin('vite/bin/vite.js'), 'build', '--config', `apps/${app}/vite.config.ts`, '--logLevel', 'warn'],
    {
      out: `dist/web/${app}/index.html`,
      inputs: [`apps/${app}/web`, `apps/${app}/vite.config.ts`, 'libs/screens', 'libs/money', 'package-lock.json'],
    },
  )
  if (built) compress(`dist/web/${app}`)
}

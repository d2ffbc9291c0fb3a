// Compiles the virtual reader's driver (ifdnfcvirt.c) into dist/ifd, when it is missing or older than its source.
// Plain JavaScript, since it runs before anything is built. With `--require` a machine without compiler is an error.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const source = join(here, 'ifdnfcvirt.c')
export const driver = join(here, '..', '..', '..', '..', 'dist', 'ifd', 'libifdnfcvirt.so')

const made = path => (existsSync(path) ? statSync(path).mtimeMs : 0)

/** Gives null where the driver is there, else one line that says why not and what to do. */
export const buildDriver = () => {
  if (made(driver) > Math.max(made(source), made(fileURLToPath(import.meta.url)))) return null
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  const missing = []
  if (spawnSync('gcc', ['--version']).status !== 0) missing.push('gcc', 'libc6-dev')
  if (!existsSync('/usr/include/PCSC/ifdhandler.h')) missing.push('libpcsclite-dev')
  if (missing.length > 0)
    return `No virtual reader without these, paste: ${sudo}apt-get install -y --no-install-recommends ${missing.join(' ')}`
  mkdirSync(dirname(driver), { recursive: true })
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared', '-I/usr/include/PCSC']
  const { status, stderr } = spawnSync('gcc', [...flags, '-o', driver, source, '-lpthread'], { encoding: 'utf8' })
  return status === 0 ? null : `gcc could not compile ${source}: ${stderr}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const trouble = buildDriver()
  if (trouble !== null) console.error(trouble)
  process.exitCode = trouble !== null && process.argv.includes('--require') ? 1 : 0
}

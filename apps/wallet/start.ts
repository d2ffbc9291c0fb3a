import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { sqliteStore } from '#eventstore/sqlite'
import { serve } from '#http/serve'
import { systemClock } from '#machine/clock'
import { nodeCrypto } from '#machine/crypto'
import { endGracefully, type Log, startApp, Usage } from '#machine/process'
import { isoDepAntenna } from './antennas/iso-dep.ts'
import { tapLoopback } from './antennas/loopback.ts'
import { walletModule } from './api.ts'
import { httpAuthority } from './authority.ts'
import { diskOf } from './disk.ts'
import { type Antenna, wallet } from './wallet.ts'

/** The phones as a process: their memories in one file of their own, an antenna for each terminal in reach. */

const usage =
  'wallet --port N --data DIR --centre URL [--antenna TERMINAL=127.0.0.1:PORT]… [--antenna TERMINAL=card:/path/to.sock]… [--host 127.0.0.1 | --host 0.0.0.0 --known-as NAME…]'

export const start = (args: readonly string[]): Promise<void> => startApp(log => startWallet(args, log))

const startWallet = async (args: readonly string[], log: Log): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      'known-as': { type: 'string', multiple: true, default: [] },
      data: { type: 'string' },
      centre: { type: 'string' },
      antenna: { type: 'string', multiple: true, default: [] },
    },
  })
  const { port, host, data, centre } = values
  if (!port || !data || !centre) throw new Usage(`Usage: ${usage}`)
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const store = sqliteStore(join(data, 'phones.sqlite'), () => new Date(systemClock.now()).toISOString())
  const antennas = new Map<string, Antenna>()
  const terminals = values.antenna.map(text => {
    const [terminal = '', address = ''] = text.split(/=(.*)/s)
    if (address.startsWith('card:')) antennas.set(terminal, isoDepAntenna(address.slice('card:'.length)))
    else {
      const [host = '127.0.0.1', radio = ''] = address.split(':')
      antennas.set(terminal, async (_terminal, answer, signal) => {
        await tapLoopback({ host, port: Number(radio), answer, leave: signal })
      })
    }
    return { terminal, address }
  })
  const node = wallet({
    clock: systemClock,
    crypto: nodeCrypto(),
    disk: diskOf(store),
    authority: httpAuthority(centre),
    antenna: (terminal, respond, signal) => (antennas.get(terminal) as Antenna)(terminal, respond, signal),
    terminals,
  })
  const served = await serve({
    module: walletModule(node),
    port: Number(port),
    host,
    knownAs: values['known-as'],
    pages: join(import.meta.dirname, '..', '..', 'web', 'wallet'),
    log,
  })
  // As soon as there is a network, and then often enough that a lost phone's payments are not lost with it.
  const upkeep = () => void node.upkeep().catch((error: Error) => log.error(`upkeep of the phones: ${error.stack}`))
  upkeep()
  const often = setInterval(upkeep, 15 * 60_000)
  endGracefully(log, async () => {
    clearInterval(often)
    node.news.complete()
    await served.close()
    store.close()
  })
  log.info(`phones at ${served.url}`)
}

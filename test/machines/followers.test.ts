import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { noSkips, project } from '#eventstore/follower'
import { memoryRows } from '#eventstore/memory/rows'
import { sqliteStore } from '#eventstore/sqlite'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { nodeCrypto } from '#machine/crypto'
import { minorUnits } from '#money'
import { projections } from '#projections'
import { keysText } from '../../apps/back-office/authority.ts'
import { dice, makeWorld, orThrow } from '../simulation/world.ts'
import type { Death, Standing, Told } from './follower.ts'

/**
 * Two centres' followers, each a process, work on one log and one file of rows, while events are appended. One of them
 * is killed, fifty times. The log's events come from a world in which nothing went wrong: what two of them wrote
 * between fifty deaths must be what its one reactor wrote in peace, octet for octet.
 */
const kills = 50
const deaths = [
  'between the rows and their checkpoint',
  'after the commit of a page',
  'before a verdict',
  'after a verdict',
  'at any moment',
] as const satisfies readonly Death[]

const open = new Set<ChildProcess>()
let folder: string | undefined
afterEach(async () => {
  for (const child of open) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  if (folder !== undefined) rmSync(folder, { recursive: true })
})

/** A day's trade at two tills, a batch after nearly every tap; refunds and repayments between. */
const trade = async () => {
  const world = await makeWorld({
    seed: 'followers',
    terminals: 2,
    phones: [
      { account: 'anna', limit: 500_000n, allowance: '900.00' },
      { account: 'bela', limit: 500_000n, allowance: '900.00' },
      { account: 'cyra', limit: 500_000n, allowance: '900.00' },
    ],
  })
  const ready = world.log.events.length
  const chance = dice('a day of trade')
  for (let tap = 0; tap < 75; tap++) {
    const id = chance.pick(['T-1', 'T-2'])
    const account = chance.pick(['anna', 'bela', 'cyra'])
    await world.key(1n + BigInt(chance.below(900)), id)
    const paid = orThrow(await world.tap(account, id))
    if (chance.chance(15))
      orThrow(await world.till(id).refundTransaction(`r-${tap}`, paid.transaction ?? '', minorUnits('1')))
    if (chance.chance(90)) orThrow(await world.sync(id))
    const repayment = { account, amount: minorUnits('5'), currency: 'EUR', source: 'bank', by: 'operator:test' }
    if (chance.chance(10)) orThrow(await world.centre().receiveRepayment(repayment))
  }
  for (const id of ['T-1', 'T-2']) orThrow(await world.sync(id))
  await world.end()
  return { world, ready }
}

const isReaction = ({ stream }: { stream: string }) => stream.startsWith('payment-') || stream.startsWith('exception-')

it(`two followers on one file, one of them killed ${kills} times, write what one would have written`, async () => {
  const { world, ready } = await trade()
  const dir = mkdtempSync(join(tmpdir(), 'tallystick-followers-'))
  folder = dir
  writeFileSync(join(dir, 'keys.json'), keysText(world.keys))
  const store = sqliteStore(join(dir, 'log.sqlite'), () => new Date(world.clock.at).toISOString())
  const append = async (events: typeof world.log.events): Promise<void> => {
    for (const event of events)
      if (!isReaction(event))
        await store.append(event.stream, event.revision === 0 ? 'NoStream' : event.revision - 1, [event])
  }
  await append(world.log.events.slice(0, ready))

  /** Started and loaded, but idle until it is told how to die. */
  const start = () => {
    const child = fork(join(import.meta.dirname, 'follower.ts'), [dir, `${world.clock.at}`], {
      execArgv: ['--conditions=source', '--experimental-transform-types', '--disable-warning=ExperimentalWarning'],
      env: { ...process.env, NODE_COMPILE_CACHE: join(dir, 'compiled') },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    open.add(child)
    const life = { child, standing: undefined as Standing | undefined, said: '' }
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (life.said += text))
    child.on('message', message => {
      if (message !== 'ready') life.standing = message as Standing
    })
    const ended = once(child, 'exit').then(([code, signal]: unknown[]) => {
      open.delete(child)
      return signal ?? code
    })
    const loaded = Promise.race([
      once(child, 'message'),
      ended.then(how => Promise.reject(new Error(`A follower ended with ${String(how)} before it began.`))),
    ])
    loaded.catch(() => {})
    return { life, loaded, ended, tell: (told: Told) => child.send(told) }
  }

  const lasting = start()
  await lasting.loaded
  lasting.tell({ death: 'never' })

  const chance = dice('fifty deaths')
  const rest = world.log.events.slice(ready)
  const died = Object.fromEntries(deaths.map(death => [death, 0])) as Record<Death, number>
  let next = start()
  for (let kill = 0; kill < kills; kill++) {
    const victim = next
    await victim.loaded
    next = start()
    const death = deaths[kill % deaths.length] as Death
    const share = (at: number) => Math.floor((at * rest.length) / kills)
    const news = rest.slice(share(kill), share(kill + 1))
    // Mostly the other rests, and the victim has the work to itself; else they race for it.
    const alone = death !== 'at any moment' && (death.endsWith('verdict') || chance.chance(60))
    lasting.tell({ rests: alone })
    if (alone) await append(news)
    victim.tell({ death, nth: death.endsWith('verdict') ? 1 : 1 + chance.below(3) })
    const appending = alone ? undefined : append(news)
    const patience_ms = death === 'at any moment' ? 20 + chance.below(300) : 700
    const gone = await Promise.race([victim.ended, wait(patience_ms).then(() => undefined)])
    if (gone === undefined) victim.life.child.kill('SIGKILL')
    lasting.tell({ rests: false })
    expect(await victim.ended).toBe('SIGKILL')
    await appending
    const said = victim.life.said.trim()
    died[said === '' ? 'at any moment' : (said as Death)] += 1
  }
  console.log(deaths.map(death => `${String(died[death]).padStart(4)}  killed ${death}`).join('\n'))
  expect(deaths.filter(death => died[death] < 3)).toEqual([])

  await next.loaded
  next.tell({ death: 'never' })
  const events = world.log.events.length
  for (const { life } of [lasting, next])
    await expect
      .poll(() => life.standing, { timeout: 15_000, interval: 20 })
      .toMatchObject({ applied: events, judged: events, stopped: [] })

  // The same events, each once, and nothing more.
  const written = new Map<string, string[]>()
  for await (const page of store.readAll({ from: 0 }))
    for (const { stream, text } of page) written.set(stream, [...(written.get(stream) ?? []), text])
  const peaceful = new Map<string, string[]>()
  for (const { stream, text } of world.log.events) peaceful.set(stream, [...(peaceful.get(stream) ?? []), text])
  expect([...written.keys()].filter(stream => isReaction({ stream })).length).toBeGreaterThan(60)
  expect(Object.fromEntries(written)).toEqual(Object.fromEntries(peaceful))

  const crypto = nodeCrypto()
  const fresh = memoryRows()
  const stop = new AbortController()
  const onProgress = ({ caughtUp }: { caughtUp: boolean }) => caughtUp && stop.abort()
  await project({ store, rows: fresh, projections, skips: noSkips, signal: stop.signal, onProgress })
  const rows = sqliteRows(join(dir, 'rows.sqlite'))
  const fingerprints = (of: typeof fresh) =>
    Promise.all(projections.map(async each => [each.name, await of.fingerprint(each, crypto)] as const))
  expect(await fingerprints(rows)).toEqual(await fingerprints(fresh))
  rows.close()
  store.close()
})

import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { EventStore } from '#eventstore'
import { sqliteRows } from '#eventstore/sqlite/rows'
import { readHeld } from '#evidence/held'
import { nodeCrypto } from '#machine/crypto'
import { Usage } from '#machine/process'
import { projections } from '#projections'
import { followerWords, upkeep } from '#upkeep'
import { type Centre, credentialOptions, credentials, signInAt } from './centre.ts'
import { openSource, sourceOptions } from './source.ts'

/**
 * `tally followers`: what follows the log, how far each has got, and which has stopped; `skip` and `retry` give a running
 * centre an operator's word. Exit 0 where none is stopped, 1 where one is, or the word was refused.
 */
export const followers = async (args: readonly string[]): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...sourceOptions,
      ...credentialOptions,
      centre: { type: 'string' },
      index: { type: 'string' },
      event: { type: 'string' },
      reason: { type: 'string' },
    },
  })
  const [word, follower, ...more] = positionals
  const centre = values.centre ?? 'http://127.0.0.1:4700'
  if (word === undefined) {
    const lines =
      values.centre === undefined ? await inLog(values) : await atCentre(await signInAt(centre, credentials(values)))
    for (const line of lines) process.stdout.write(`${values.json ? JSON.stringify(line) : inWords(line)}\n`)
    return lines.some(({ stopped }) => stopped !== undefined) ? 1 : 0
  }
  const { index, event, reason } = values
  if ((word !== 'skip' && word !== 'retry') || follower === undefined || more.length > 0)
    throw new Usage('followers takes nothing, or skip NAME or retry NAME.')
  if (reason === undefined) throw new Usage(`followers ${word} takes --reason TEXT: the log keeps it.`)
  if (word === 'skip' && (event === undefined || !/^\d+$/.test(index ?? '')))
    throw new Usage('followers skip takes --index N and --event ID of the event that is to be skipped.')
  const body = word === 'skip' ? { index: Number(index), event, reason } : { reason }
  const signedIn = await signInAt(centre, credentials(values))
  const answer = await signedIn.ask('POST', `/api/followers/${encodeURIComponent(follower)}/${word}`, body)
  const said = word === 'skip' ? `${follower} passes over log index ${index}` : `${follower} tries again`
  process.stdout.write(`${values.json ? JSON.stringify(answer) : `${said}: ${reason}`}\n`)
  return 0
}

/** A follower as this command shows it; of a log that no centre runs on, what is known without one. */
type Shown = {
  readonly follower: string
  readonly next?: number
  readonly lag?: { readonly events: number; readonly seconds?: number }
  readonly stopped?: {
    readonly index: number
    readonly event: string | null
    readonly type: string | null
    readonly message: string
  }
  readonly skipped?: readonly number[]
}

const atCentre = async (centre: Centre): Promise<readonly Shown[]> => {
  const { followers } = (await centre.ask('GET', '/api/followers')) as { followers: readonly Shown[] }
  return followers
}

/** As the log and the rows beside it have it, with no centre to ask. */
const inLog = async (asked: Parameters<typeof openSource>[1]): Promise<readonly Shown[]> => {
  const { store, rows } = await openSource(nodeCrypto(), asked)
  try {
    const length = await lengthOf(store)
    const kept = rows !== undefined && existsSync(rows) ? sqliteRows(rows) : undefined
    try {
      const shown: Shown[] = []
      for (const projection of projections) {
        const next = await kept?.checkpoint(projection)
        const far = next === undefined ? {} : { next, lag: { events: Math.max(0, length - next) } }
        shown.push({ follower: projection.name, ...far, ...(await told(store, projection.name)) })
      }
      for (const follower of ['verdicts', 'expiry', 'suspension'])
        shown.push({ follower, ...(await told(store, follower)) })
      return shown
    } finally {
      kept?.close()
    }
  } finally {
    await store.close()
  }
}

const lengthOf = async (store: EventStore): Promise<number> => {
  let length = 0
  for await (const page of store.readAll({ from: 0, pageSize: 5000 })) length += page.length
  return length
}

/** What the log says of a follower: where it stopped, if it did, and what it passes over. */
const told = async (store: EventStore, follower: string): Promise<Pick<Shown, 'stopped' | 'skipped'>> => {
  const { events } = await readHeld(store, `follower-${follower}`, followerWords)
  const { stopped, skipped } = events.reduce((state, event) => upkeep.evolve(state, event), upkeep.initialState)
  const last = events.findLast(({ type }) => type === 'FollowerStopped')
  const message = last?.type === 'FollowerStopped' ? last.data.why : ''
  return {
    ...(stopped ? { stopped: { ...stopped, message } } : {}),
    ...(skipped.size > 0 ? { skipped: [...skipped] } : {}),
  }
}

const inWords = ({ follower, next, lag, stopped, skipped }: Shown): string => {
  const far = next === undefined ? '' : `at log index ${next}`
  const behind = lag === undefined || lag.events === 0 ? '' : `${lag.events} events behind${since(lag.seconds)}`
  const over = skipped === undefined ? '' : `passes over ${skipped.join(', ')}`
  const halt = stopped
    ? `STOPPED at ${stopped.event === null ? '' : `${stopped.type} ${stopped.event}, `}log index ${stopped.index}: ${stopped.message}`
    : ''
  return `${follower.padEnd(13)} ${[halt, far, behind, over].filter(Boolean).join('; ')}`.trimEnd()
}

const since = (seconds: number | undefined): string => (seconds === undefined ? '' : `, ${seconds} s`)

import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { type Expected, readLast, WrongExpectedRevision } from '#eventstore'
import { sqliteStore } from '#eventstore/sqlite'

// A process that appends to a log until it is ended, to streams of its own and to one that all share. It says each
// append that was acknowledged, by a write that is done when it returns: a dead process has said it.

const [file = '', name = ''] = process.argv.slice(2)
const store = sqliteStore(file, () => new Date().toISOString())

const append = async (stream: string, expected: Expected): Promise<number> => {
  const id = randomUUID()
  const { revision, index } = await store.append(stream, expected, [{ id, type: 'Noted', text: `{"by":"${name}"}` }])
  writeSync(1, `${JSON.stringify({ id, stream, revision, index })}\n`)
  return revision
}

const alone = async (stream: string): Promise<never> => {
  for (let revision: Expected = 'NoStream'; ; ) revision = await append(stream, revision)
}
const shared = async (): Promise<never> => {
  for (;;)
    try {
      await append('shared', (await readLast(store, 'shared'))?.revision ?? 'NoStream')
    } catch (error) {
      if (!(error instanceof WrongExpectedRevision)) throw error
    }
}

await Promise.all([alone(`${name}-1`), alone(`${name}-2`), shared()])

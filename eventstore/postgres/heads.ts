import type { Heads } from '#eventstore/heads'
import { session } from './schema.ts'
import { checkSchema, openServer } from './server.ts'

export type PostgresHeads = Heads & { close(): Promise<void> }

export type PostgresHeadsOptions = {
  readonly schema?: string
  /** What these texts are, as a fault names them. */
  readonly what?: string
  /** How long a lost connection is tried again. */
  readonly patience_ms?: number
  readonly answerWithin_ms?: number
}

/** In a schema of their own, which several nodes share. A backup of the log's schema leaves them where they are. */
export const postgresHeads = async (url: string, options: PostgresHeadsOptions = {}): Promise<PostgresHeads> => {
  const {
    schema = 'tallystick_heads',
    what = 'last signed checkpoint',
    patience_ms = 15_000,
    answerWithin_ms = 10_000,
  } = options
  checkSchema(schema)
  const server = openServer(url, { what, answerWithin_ms, session })
  const { pool } = server
  const patiently = <Answer>(doing: string, act: () => Promise<Answer>): Promise<Answer> =>
    server.patiently(doing, Date.now() + patience_ms, act)

  const get = async (key: string): Promise<string | undefined> => {
    const { rows } = await pool.query<{ text: string }>(`select text from ${schema}.heads where key = $1`, [key])
    return rows[0]?.text
  }
  try {
    await patiently(`The ${what} was not opened`, () =>
      pool.query(`
        create schema if not exists ${schema};
        create table if not exists ${schema}.heads (key text collate "C" primary key, text text not null);
      `),
    )
  } catch (error) {
    await server.end()
    throw error
  }
  return {
    get: key => patiently(`Reading ${key} failed`, () => get(key)),
    replace: (key, was, text) =>
      patiently(`Keeping ${key} failed`, async () => {
        const { rowCount } =
          was === undefined
            ? await pool.query(`insert into ${schema}.heads values ($1, $2) on conflict (key) do nothing`, [key, text])
            : await pool.query(`update ${schema}.heads set text = $3 where key = $1 and text = $2`, [key, was, text])
        // Asked again because a reply was lost, it finds its own word.
        return rowCount === 1 || (await get(key)) === text
      }),
    close: () => server.end(),
  }
}

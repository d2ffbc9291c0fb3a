import type { Vault } from '#eventstore/vault'
import { session } from './schema.ts'
import { checkSchema, openServer } from './server.ts'

export type PostgresVault = Vault & { close(): Promise<void> }

type Held = { readonly key: string; readonly version: number; readonly text: string }

/**
 * In a schema of their own, which nodes share. Erasing deletes the row and writes the table anew (`vacuum full`), so that
 * no dead row is left in it; the server's own write-ahead log and its backups end as its operator lets them end.
 */
export const postgresVault = async (
  url: string,
  options: { readonly schema?: string; readonly patience_ms?: number } = {},
): Promise<PostgresVault> => {
  const { schema = 'tallystick_vault', patience_ms = 15_000 } = options
  checkSchema(schema)
  const server = openServer(url, { what: 'people’s data', answerWithin_ms: 30_000, session })
  const { pool } = server
  const patiently = <Answer>(what: string, act: () => Promise<Answer>): Promise<Answer> =>
    server.patiently(what, Date.now() + patience_ms, act)
  const ask = async <Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> =>
    (await pool.query<Row>(text, [...values])).rows

  try {
    await patiently('The vault was not opened', () =>
      pool.query(`
        create schema if not exists ${schema};
        create table if not exists ${schema}.people (
          key text collate "C" primary key, version integer not null, text text not null, words text not null
        );
        create table if not exists ${schema}.erased (key text collate "C" primary key, at text not null);
      `),
    )
  } catch (error) {
    await server.end()
    throw error
  }
  const get = async (key: string): Promise<Held | undefined> =>
    (await ask<Held>(`select key, version, text from ${schema}.people where key = $1`, [key]))[0]
  return {
    get: key =>
      patiently('Reading a person failed', async () => {
        const held = await get(key)
        return held && { version: held.version, text: held.text }
      }),
    put: (key, was, text, words) =>
      patiently('Keeping a person failed', async () => {
        const { rowCount } =
          was === 0
            ? await pool.query(
                `insert into ${schema}.people select $1, 1, $2, $3
                 where not exists (select 1 from ${schema}.erased where key = $1) on conflict (key) do nothing`,
                [key, text, words],
              )
            : await pool.query(
                `update ${schema}.people set version = version + 1, text = $2, words = $3 where key = $1 and version = $4`,
                [key, text, words, was],
              )
        if (rowCount === 1) return true
        // Asked again because a reply was lost, it finds its own word.
        const held = await get(key)
        return held?.version === was + 1 && held.text === text
      }),
    find: (words, limit) =>
      patiently('Looking for people failed', () =>
        ask<Held>(
          `select key, version, text from ${schema}.people where position($1 in words) > 0 order by key limit $2`,
          [words, limit],
        ),
      ),
    erase: (key, at) =>
      patiently('Erasing a person failed', async () => {
        const { rowCount } = await pool.query(
          `insert into ${schema}.erased values ($1, $2) on conflict (key) do nothing`,
          [key, at],
        )
        await pool.query(`delete from ${schema}.people where key = $1`, [key])
        await pool.query(`vacuum full ${schema}.people`)
        return rowCount === 1
      }),
    erased: key =>
      patiently(
        'Reading a person failed',
        async () => (await ask<{ at: string }>(`select at from ${schema}.erased where key = $1`, [key]))[0]?.at,
      ),
    close: () => server.end(),
  }
}

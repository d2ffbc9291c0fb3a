import type { Heads } from '#eventstore/heads'
import { openSqlite } from './sqlite.ts'

export type SqliteHeads = Heads & { close(): void }

/** In a file of their own, beside the log's and not in it: `synchronous=FULL`, and whoever writes second is told so. */
export const sqliteHeads = (file: string): SqliteHeads => {
  const db = openSqlite(file)
  db.exec('create table if not exists heads (key text primary key, text text not null) strict')
  const get = db.prepare<[string], string>('select text from heads where key = ?').pluck()
  const add = db.prepare<[string, string]>('insert into heads (key, text) values (?, ?) on conflict (key) do nothing')
  const change = db.prepare<[string, string, string]>('update heads set text = ? where key = ? and text = ?')
  return {
    get: async key => get.get(key),
    replace: async (key, was, text) =>
      (was === undefined ? add.run(key, text) : change.run(text, key, was)).changes === 1,
    close: () => {
      db.close()
    },
  }
}

import type { Vault } from '#eventstore/vault'
import { openSqlite } from './sqlite.ts'

export type SqliteVault = Vault & { close(): void }

type Held = { readonly key: string; readonly version: number; readonly text: string }

/**
 * In a file of their own. Erasing overwrites: `secure_delete` fills what is freed with zeros, and the write-ahead log,
 * which may hold the page as it was, is emptied before the answer. What a disk or a file system keeps beneath is theirs.
 */
export const sqliteVault = (file: string): SqliteVault => {
  const db = openSqlite(file)
  db.pragma('secure_delete = ON')
  db.exec(`
    create table if not exists people (
      key text primary key, version integer not null, text text not null, words text not null
    ) strict;
    create table if not exists erased (key text primary key, at text not null) strict;
  `)
  const get = db.prepare<[string], Held>('select key, version, text from people where key = ?')
  const add = db.prepare<[string, string, string, string]>(
    `insert into people (key, version, text, words) select ?, 1, ?, ?
     where not exists (select 1 from erased where key = ?) on conflict (key) do nothing`,
  )
  const change = db.prepare<[string, string, string, number]>(
    'update people set version = version + 1, text = ?, words = ? where key = ? and version = ?',
  )
  const find = db.prepare<[string, number], Held>(
    'select key, version, text from people where instr(words, ?) > 0 order by key limit ?',
  )
  const note = db.prepare<[string, string]>('insert into erased (key, at) values (?, ?) on conflict (key) do nothing')
  const remove = db.prepare<[string]>('delete from people where key = ?')
  const gone = db.prepare<[string], string>('select at from erased where key = ?').pluck()
  const erase = db.transaction((key: string, at: string): boolean => {
    remove.run(key)
    return note.run(key, at).changes === 1
  })
  return {
    get: async key => {
      const held = get.get(key)
      return held && { version: held.version, text: held.text }
    },
    put: async (key, was, text, words) =>
      (was === 0 ? add.run(key, text, words, key) : change.run(text, words, key, was)).changes === 1,
    find: async (words, limit) => find.all(words, limit),
    erase: async (key, at) => {
      const isNew = erase.immediate(key, at)
      db.pragma('wal_checkpoint(TRUNCATE)')
      return isNew
    },
    erased: async key => gone.get(key),
    close: () => {
      db.close()
    },
  }
}

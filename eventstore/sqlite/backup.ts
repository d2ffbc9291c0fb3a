import { StoreFailed } from '#eventstore'
import { openSqlite } from './sqlite.ts'

/** Pages of 4 KiB that are copied before others have their turn. */
const pagesAtOnce = 2000

/**
 * Copies a log's file by SQLite's online backup, while others append to it. One read transaction lies around it: the
 * copy is the log of one moment, and appends that come meanwhile do not make it begin again. The copy is whole and
 * checked when the promise settles, and has no WAL beside it.
 */
export const snapshotSqlite = async (
  file: string,
  to: string,
  onProgress?: (pages: number, of: number) => void,
): Promise<void> => {
  const db = openSqlite(file, { readonly: true })
  try {
    db.exec('begin')
    // The snapshot is taken at the first read, and not at `begin`.
    db.prepare('select count(*) from sqlite_schema').get()
    await db.backup(to, {
      progress: ({ totalPages, remainingPages }) => {
        onProgress?.(totalPages - remainingPages, totalPages)
        return pagesAtOnce
      },
    })
  } catch (cause) {
    throw new StoreFailed(`${file} was not copied to ${to}: ${(cause as Error).message}.`, { cause })
  } finally {
    db.close()
  }
  const copy = openSqlite(to)
  try {
    copy.pragma('wal_checkpoint(truncate)')
    copy.pragma('journal_mode = delete')
    const [{ integrity_check: found } = { integrity_check: 'nothing' }] = copy.pragma('integrity_check') as {
      integrity_check: string
    }[]
    if (found !== 'ok') throw new StoreFailed(`${to}, copied from ${file}, is damaged: ${found}.`)
  } finally {
    copy.close()
  }
}

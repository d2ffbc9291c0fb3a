import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Row } from '../measure.ts'
import { balances } from './balances.ts'
import { risk } from './risk.ts'
import { start } from './start.ts'

/** What the trade asks for while somebody waits: the terminal's decision and its start, and the centre's figures. */
export const trade = async (folder: string, isQuick: boolean, done: (row: Row) => void): Promise<void> => {
  done(await risk(isQuick ? 100_000 : 1_000_000))
  const terminal = join(folder, 'terminal')
  mkdirSync(terminal)
  done(await start(terminal, isQuick ? 10_000 : 100_000))
  done(await balances(folder, isQuick ? 50_000 : 1_000_000))
}

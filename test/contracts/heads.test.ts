import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { memoryHeads } from '#eventstore/memory/heads'
import { sqliteHeads } from '#eventstore/sqlite/heads'
import { headsContract } from './heads.contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'tallystick-heads-'))
afterAll(() => rmSync(folder, { recursive: true }))

const memory = memoryHeads()
headsContract('memory', async () => ({ heads: memory, close: () => {} }))
headsContract('SQLite', async () => {
  const heads = sqliteHeads(join(folder, 'heads.sqlite'))
  return { heads, close: heads.close }
})

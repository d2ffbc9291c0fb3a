import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

/** The threat model says which test shows what it claims: each of them is there, in those words. */

const root = join(import.meta.dirname, '..')
const model = readFileSync(join(root, 'docs', 'threat-model.md'), 'utf8')
const claims = [...model.matchAll(/`(test\/[^`]+\.ts)`((?:,? "[^"]+")*)/g)].flatMap(([, file = '', quoted = '']) =>
  [...quoted.matchAll(/"([^"]+)"/g)].map(([, words = '']) => ({ file, words })),
)

describe('the threat model', () => {
  it('makes claims', () => expect(claims.length).toBeGreaterThan(40))
  it.each(claims)('$file shows "$words"', ({ file, words }) => {
    expect(existsSync(join(root, file)), `${file} is not there`).toBe(true)
    expect(readFileSync(join(root, file), 'utf8')).toContain(words)
  })
})

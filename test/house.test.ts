import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rules } from './rules.ts'
import { isCode, root, tree } from './sources.ts'

// What the house asks of itself. Imports are kept by the one list in .dependency-cruiser.cjs, all else by
// test/rules.ts. Nothing is excluded by name, and each rule stands beside a file that breaks it.

const sources = tree()
const code = sources.filter(({ path }) => isCode(path))

describe('imports', () => {
  const look = async (baseDir: string): Promise<ICruiseResult> => {
    const options = await extractDepcruiseOptions(join(root, '.dependency-cruiser.cjs'))
    const { output } = await cruise(['apps', 'libs', 'eventstore', 'test'], { ...options, baseDir })
    if (typeof output === 'string') throw new Error(output)
    return output
  }
  const broken = ({ summary }: ICruiseResult): string[] =>
    summary.violations.map(({ rule, from, to, cycle }) =>
      [rule.name, [from, ...(cycle ?? [{ name: to }]).map(({ name }) => name)].join(' → ')].join(': '),
    )

  it('point down the floors, through doors, in no circle', async () => {
    const found = await look(root)
    // Without its parser or the condition `source` it sees nothing and is content.
    const files = found.modules.filter(({ source }) => /^(?:apps|libs|eventstore|test)\//.test(source))
    expect(files.length).toBeGreaterThan(60)
    expect(files.flatMap(({ dependencies }) => dependencies).length).toBeGreaterThan(300)
    expect(broken(found)).toEqual([])
  })

  it('are ruled for every lib: each stands on exactly one floor', async () => {
    const { ruleSet } = await extractDepcruiseOptions(join(root, '.dependency-cruiser.cjs'))
    const floors = (ruleSet?.forbidden ?? []).filter(({ name }) => name?.startsWith('floor-'))
    const standing = (lib: string): string[] =>
      floors.flatMap(({ name, from }) => (new RegExp(String(from.path)).test(`libs/${lib}/x.ts`) ? [String(name)] : []))
    for (const lib of readdirSync(join(root, 'libs'))) expect([lib, standing(lib).length]).toEqual([lib, 1])
    expect(standing('attic')).toEqual([])
  })

  describe('of a house that breaks every rule', () => {
    const files: Record<string, string> = {
      'libs/money/money.ts': `import type { Till } from '#till'`,
      'libs/canonical/bytes.ts': `import { amount } from '#money'; export const octets = amount`,
      'libs/license/license.ts': `import { reader } from '#nfc/reader'; import { log } from '#eventstore'`,
      'libs/nfc/reader.ts': `import 'nfc-pcsc'; import { readFileSync } from 'node:fs'; export const reader = readFileSync`,
      'libs/till/till.ts': `import { account } from '#account'; export type Till = typeof account`,
      'libs/account/account.ts': `import { Injectable } from '@nestjs/common'; export const account = Injectable`,
      'libs/reconciliation/day.ts': `import { rows } from '#eventstore/rows'; import { useState } from 'react'`,
      'libs/settlement/shop.ts': `import '../reconciliation/day.ts'`,
      'libs/ledger/ledger.ts': `import './postings.ts'; import { replay } from '#evidence'`,
      'libs/ledger/postings.ts': `import type { L } from './ledger.ts'`,
      'libs/evidence/evidence.ts': `import { memory } from '#eventstore/memory'; import { run } from '#cqrs'; export const replay = 1`,
      'libs/cqrs/cqrs.ts': `import '../../apps/till/till.ts'`,
      'libs/screens/age.tsx': `import { reader } from '#nfc/reader'; import { nothing } from './lost.ts'`,
      'eventstore/eventstore.ts': `import type { Till } from '#till'`,
      'eventstore/rows.ts': `export const rows = 1`,
      'eventstore/memory/memory.ts': `import 'better-sqlite3'; import 'pg'; import '@kurrent/kurrentdb-client'`,
      'apps/till/till.ts': `import './api.ts'; import '../phone/phone.ts'; import 'only-for-developers'`,
      'apps/till/api.ts': `import { Controller } from '@nestjs/common'; import '../../test/given.ts'`,
      'apps/phone/phone.ts': `export const phone = 1`,
      'test/given.ts': `import '../libs/nfc/reader.ts'`,
      'node_modules/only-for-developers/index.js': `module.exports = 1`,
      'node_modules/only-for-developers/package.json': `{ "name": "only-for-developers", "version": "1.0.0" }`,
      'package.json': JSON.stringify({
        name: 'broken',
        type: 'module',
        devDependencies: { 'only-for-developers': '1.0.0' },
        imports: {
          ...Object.fromEntries(
            ['money', 'till', 'account', 'evidence', 'cqrs'].map(lib => [
              `#${lib}`,
              { source: `./libs/${lib}/${lib}.ts` },
            ]),
          ),
          '#nfc/reader': { source: './libs/nfc/reader.ts' },
          '#eventstore': { source: './eventstore/eventstore.ts' },
          '#eventstore/rows': { source: './eventstore/rows.ts' },
          '#eventstore/memory': { source: './eventstore/memory/memory.ts' },
        },
      }),
    }
    let house = ''
    let found: string[] = []
    beforeAll(async () => {
      house = mkdtempSync(join(tmpdir(), 'tallystick-house-'))
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(join(house, dirname(path)), { recursive: true })
        writeFileSync(join(house, path), text)
      }
      found = broken(await look(house))
    })
    afterAll(() => rmSync(house, { recursive: true }))

    it.each([
      'floor-0: libs/canonical/bytes.ts → libs/money/money.ts',
      'floor-1: libs/money/money.ts → libs/till/till.ts',
      'floor-2: libs/license/license.ts → eventstore/eventstore.ts',
      'floor-2: eventstore/eventstore.ts → libs/till/till.ts',
      'floor-3: libs/till/till.ts → libs/account/account.ts',
      'floor-4: libs/settlement/shop.ts → libs/reconciliation/day.ts',
      'floor-5: libs/ledger/ledger.ts → libs/evidence/evidence.ts',
      'floor-6: libs/evidence/evidence.ts → libs/cqrs/cqrs.ts',
      'floor-7: libs/cqrs/cqrs.ts → apps/till/till.ts',
      'app-to-app: apps/till/till.ts → apps/phone/phone.ts',
      'no-circle: libs/ledger/ledger.ts → libs/ledger/postings.ts → libs/ledger/ledger.ts',
      'by-door: libs/settlement/shop.ts → libs/reconciliation/day.ts',
      'by-door: test/given.ts → libs/nfc/reader.ts',
      'nothing-imports-test: apps/till/api.ts → test/given.ts',
      'log-readers: libs/license/license.ts → eventstore/eventstore.ts',
      'row-keepers: libs/reconciliation/day.ts → eventstore/rows.ts',
      'adapters-in-apps: libs/evidence/evidence.ts → eventstore/memory/memory.ts',
      'store-knows-no-trade: eventstore/eventstore.ts → libs/till/till.ts',
      'nest-at-the-edge: libs/account/account.ts → @nestjs/common',
      'node-without-nest: apps/till/till.ts → @nestjs/common',
      'react-in-pages: libs/reconciliation/day.ts → react',
      'pages-reach-no-node: libs/screens/age.tsx → fs',
      'pure-libs: libs/nfc/reader.ts → fs',
      'one-file-nfc-pcsc: libs/nfc/reader.ts → nfc-pcsc',
      'one-file-better-sqlite3: eventstore/memory/memory.ts → better-sqlite3',
      'one-file-pg: eventstore/memory/memory.ts → pg',
      'one-file-kurrentdb-client: eventstore/memory/memory.ts → @kurrent/kurrentdb-client',
      'shipped-needs-only-dependencies: apps/till/till.ts → node_modules/only-for-developers/index.js',
      'resolved: libs/screens/age.tsx → ./lost.ts',
    ])('%s', wrong => expect(found).toContain(wrong))

    it('leaves no rule unbroken', async () => {
      const { ruleSet } = await extractDepcruiseOptions(join(root, '.dependency-cruiser.cjs'))
      const ruled = (ruleSet?.forbidden ?? []).map(({ name }) => name)
      expect(ruled.filter(name => !found.some(each => each.startsWith(`${name}: `)))).toEqual([])
    })
  })
})

describe.each(rules.map(rule => [rule.name, rule] as const))('%s', (_, { find, breaks, keeps }) => {
  it('is kept', () => expect(sources.flatMap(find)).toEqual([]))
  it.each(breaks.map(file => [file.text || file.path, file] as const))('is broken by: %s', (_text, file) =>
    expect(find(file)).not.toEqual([]),
  )
  it.each(keeps.map(file => [file.text, file] as const))('is not broken by: %s', (_text, file) =>
    expect(find(file)).toEqual([]),
  )
})

it('looks at the whole tree', () => {
  expect(code.length).toBeGreaterThan(60)
  expect(sources.map(({ path }) => path)).toEqual(expect.arrayContaining(['package-lock.json', '.npmrc', 'LICENSE']))
})

// The one list of rules about imports. test/house.test.ts runs it; `depcruise apps libs eventstore test` prints the same.

const { builtinModules } = require('node:module')

/** The floors, from the ground up. An import goes to a lower floor, never sideways; type imports count. */
const floors = [
  ['libs/canonical'],
  ['libs/money', 'libs/nfc'],
  ['libs/license', 'libs/transparency', 'eventstore'],
  [
    'libs/till',
    'libs/account',
    'libs/payment',
    'libs/tap',
    'libs/sync',
    'libs/upkeep',
    'libs/adjustment',
    'libs/operator',
  ],
  ['libs/reconciliation', 'libs/settlement', 'libs/dispute'],
  ['libs/ledger'],
  ['libs/projections', 'libs/evidence'],
  ['libs/cqrs', 'libs/http', 'libs/screens', 'libs/machine'],
  ['apps'],
]

const either = names => `(?:${names.join('|')})`
const vendor = name => `(?:^|node_modules/)${name}(?:/|$)`
const typesAlso = 'Type imports count: move the word down to where both can reach it.'

const downTheFloors = floors.slice(0, -1).map((names, floor) => ({
  name: `floor-${floor}`,
  comment: `${names.join(', ')} may import only what lies below floor ${floor}. ${typesAlso}`,
  severity: 'error',
  from: { path: `^(${either(names)})/` },
  to: { path: `^${either(floors.slice(floor).flat())}/`, pathNot: '^$1/' },
}))

/** A native or vendor library is known to one file: who wants another one writes one file. */
const oneFile = [
  ['nfc-pcsc', 'apps/terminal/pcsc/child.ts', 'take the Reader port of #nfc/reader'],
  ['better-sqlite3', 'eventstore/sqlite/sqlite.ts', 'call its openSqlite'],
  ['pg', 'eventstore/postgres/server.ts', 'call its openServer'],
  ['@kurrent/kurrentdb-client', 'eventstore/kurrentdb/kurrentdb.ts', 'take the EventStore port of #eventstore'],
].map(([name, file, instead]) => ({
  name: `one-file-${name.replace(/^@.*\//, '')}`,
  comment: `${name} is imported by ${file} alone: ${instead}.`,
  severity: 'error',
  // Tests may speak to a library's generated parts: KurrentDB's double is made of them.
  from: { path: '^(apps|libs|eventstore)/', pathNot: `^${file.replaceAll('.', '\\.')}$` },
  to: { path: vendor(name) },
}))

module.exports = {
  forbidden: [
    ...downTheFloors,
    {
      name: 'app-to-app',
      comment: 'The apps share no file: what one knows of another came over HTTP.',
      severity: 'error',
      from: { path: '^(apps/[^/]+)/' },
      to: { path: '^apps/', pathNot: '^$1/' },
    },
    {
      name: 'no-circle',
      comment: 'Two files that need each other are one file, or want a third below both.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'by-door',
      comment: 'Into another lib by its door (`#lib/file` of package.json), not by a path.',
      severity: 'error',
      from: { path: '^(libs/[^/]+|eventstore|apps/[^/]+|test)/' },
      to: { path: '^(?:libs|eventstore)/', pathNot: '^$1/', dependencyTypesNot: ['aliased-subpath-import'] },
    },
    {
      name: 'nothing-imports-test',
      comment: 'test/ stands outside the house: it looks in, nobody looks out.',
      severity: 'error',
      from: { pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      name: 'log-readers',
      comment: 'Only cqrs, evidence and apps import the log. A decider takes the state it needs with the command.',
      severity: 'error',
      from: { path: '^libs/', pathNot: '^libs/(?:cqrs|evidence)/' },
      to: { path: '^eventstore/', pathNot: '^eventstore/rows\\.ts$' },
    },
    {
      name: 'row-keepers',
      comment: "The port for projections' rows is for projections (and apps).",
      severity: 'error',
      from: { path: '^libs/', pathNot: '^libs/projections/' },
      to: { path: '^eventstore/rows\\.ts$' },
    },
    {
      name: 'adapters-in-apps',
      comment: 'Which engine keeps the log is chosen in apps, and in the tests that compare them: take the port.',
      severity: 'error',
      from: { pathNot: '^(?:apps|test|eventstore)/' },
      to: { path: '^eventstore/[^/]+/' },
    },
    {
      name: 'store-knows-no-trade',
      comment: 'The store keeps bytes and knows no domain; canonical is all that it shares.',
      severity: 'error',
      from: { path: '^eventstore/' },
      to: { path: '^libs/', pathNot: '^libs/canonical/' },
    },
    {
      name: 'nest-at-the-edge',
      comment: 'Nest is spoken in apps, libs/cqrs and libs/http; elsewhere write a plain function.',
      severity: 'error',
      from: { pathNot: '^(?:apps|libs/cqrs|libs/http|test)/' },
      to: { path: `${vendor('@nestjs/[^/]+')}|${vendor('nestjs-[^/]+')}` },
    },
    {
      name: 'node-without-nest',
      comment: 'apps/<x>/<x>.ts is the node as a value, for the simulation as for Nest: hand Nest in from start.ts.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/\\1\\.ts$' },
      to: { path: vendor('@nestjs/(?:common|core|platform-[^/]+)'), reachable: true },
    },
    {
      name: 'react-in-pages',
      comment: 'React is spoken in apps/*/web and libs/screens.',
      severity: 'error',
      from: { pathNot: '^(?:apps/[^/]+/web|libs/screens|apps/[^/]+/vite\\.config\\.ts|test/browser)' },
      to: {
        path: either(
          [
            'react',
            'react-dom',
            'recharts',
            'lucide-react',
            'mantine-datatable',
            '@mantine/[^/]+',
            '@tanstack/[^/]+',
          ].map(vendor),
        ),
      },
    },
    {
      name: 'pages-reach-no-node',
      comment: 'A page runs in a browser: nothing it imports may reach a `node:` module. Ask the server over HTTP.',
      severity: 'error',
      from: { path: '^(?:apps/[^/]+/web|libs/screens)/' },
      to: { path: `^(?:node:)?${either(builtinModules.filter(name => !name.startsWith('_')))}$`, reachable: true },
    },
    {
      name: 'pure-libs',
      comment: 'Floors 0 to 6 reach no machine: clock, randomness, disk and network come in as ports or arguments.',
      severity: 'error',
      from: {
        path: `^${either(
          floors
            .slice(0, 7)
            .flat()
            .filter(name => name !== 'eventstore'),
        )}/`,
      },
      to: { dependencyTypes: ['core'] },
    },
    ...oneFile,
    {
      name: 'shipped-needs-only-dependencies',
      comment: 'What is shipped imports nothing that only a developer installs.',
      severity: 'error',
      from: { path: '^(?:apps|libs|eventstore)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolved',
      comment: 'An import that is not found hides everything behind it.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // Without the swc parser it sees no TypeScript module under TypeScript 7, and is content.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(?:^|/)(?:dist|data)/' },
    enhancedResolveOptions: {
      // The condition that leads through a door to the source; the others are for packages.
      conditionNames: ['source', 'import', 'node', 'types', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.cjs', '.json', '.d.ts'],
      mainFields: ['module', 'main', 'types', 'typings'],
    },
  },
}

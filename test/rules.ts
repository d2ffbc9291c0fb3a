import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isCode, isNode, lineOf, type Node, nameOf, nodes, parse, root, type Source, word } from './sources.ts'

type Rule = {
  /** The sentence the rule is known by. */
  name: string
  find: (source: Source) => string[]
  /** Files that break it, and files that come close and do not. */
  breaks: Source[]
  keeps: Source[]
}

const source = (path: string, text: string): Source => ({ path, text })

/** Rules about code: what a node of the tree says wrong, with what to do instead. */
const ofCode =
  (wrong: (node: Node, path: string) => string | undefined, where: (path: string) => boolean = () => true) =>
  (file: Source): string[] =>
    isCode(file.path) && where(file.path)
      ? [...nodes(parse(file))].flatMap(node => {
          const said = wrong(node, file.path)
          return said === undefined ? [] : [`${file.path}:${lineOf(file, node)}: ${said}`]
        })
      : []

const ofText =
  (pattern: RegExp, instead: string, where: (path: string) => boolean = () => true) =>
  ({ path, text }: Source): string[] =>
    where(path)
      ? text.split('\n').flatMap((line, at) => {
          const found = pattern.exec(line)
          return found === null ? [] : [`${path}:${at + 1}: ${found[0].trim()}: ${instead}`]
        })
      : []

/** Floors 0 to 6: all libs but those of the edge. */
const isPure = (path: string): boolean =>
  path.startsWith('libs/') && !/^libs\/(?:cqrs|http|machine|screens)\//.test(path)

const clock = 'take the time with the command, or a Clock (#canonical/clock)'
const chance = 'take the id with the command, or octets of Crypto.random (#canonical/crypto)'
const timer = 'return the deadline as a value; the node that has a clock keeps it'
const outside = 'return what is to be done as a value; the node that has the machine does it'
const given = 'take it as an argument from the node'
const zone = 'say the zone: UTC by toISOString and Date.UTC, any other by name'

/** What a lib of floors 0 to 6 must not say, and what it says instead. */
const machineWords: Record<string, string> = {
  'Date.now': clock,
  'new Date()': clock,
  'Date()': clock,
  'performance.': clock,
  'Math.random': chance,
  '.getRandomValues': chance,
  '.randomUUID': chance,
  'setTimeout()': timer,
  'setInterval()': timer,
  'setImmediate()': timer,
  'fetch()': outside,
  'console.': outside,
  'process.': given,
  'globalThis.': given,
  'import.meta': given,
  'new Date(…, …)': zone,
  '.getTimezoneOffset': zone,
  '.getFullYear': zone,
  '.getMonth': zone,
  '.getDate': zone,
  '.getDay': zone,
  '.getHours': zone,
  '.getMinutes': zone,
  '.toLocaleString': zone,
  '.toLocaleDateString': zone,
  '.toLocaleTimeString': zone,
}

const wordsOf = (node: Node): string[] => {
  switch (node.type) {
    case 'MemberExpression': {
      const [object, property] = [word(node['object']), word(node['property'])]
      return [`${object}.${property}`, `${object}.`, `.${property}`]
    }
    case 'NewExpression': {
      const handed = Array.isArray(node['arguments']) ? node['arguments'].length : 0
      return [`new ${word(node['callee'])}(${['', '…'][handed] ?? '…, …'})`]
    }
    case 'CallExpression':
      return [`${word(node['callee'])}()`]
    case 'MetaProperty':
      return [String(node['kind'])]
    default:
      return []
  }
}

/** The last word of a name in camels or kebabs: `TillManager`, `byte-utils`. */
const lastWord = (name: string): string => (/[A-Z]?[a-z]+$/.exec(name)?.[0] ?? '').toLowerCase()
const empty = new Set(['manager', 'helper', 'helpers', 'util', 'utils', 'impl'])
const types = new Set(['ClassDeclaration', 'ClassExpression', 'TsInterfaceDeclaration', 'TsTypeAliasDeclaration'])
const bindings = new Set(['FunctionDeclaration', 'VariableDeclarator'])

const poorName = (name: string, isType: boolean): boolean =>
  // A function may end in Base: RFC 9180 has a mode of that name, and taxes have one.
  empty.has(lastWord(name)) || (isType && (lastWord(name) === 'base' || /^I[A-Z][a-z]/.test(name)))

const exporting = new Set(['ExportNamedDeclaration', 'ExportAllDeclaration'])

const defaultsWithin = (value: unknown): Node[] =>
  [...nodes(value)].filter(({ type, cases }) => type === 'SwitchStatement' && hasDefault(cases))
const hasDefault = (cases: unknown): boolean => Array.isArray(cases) && cases.some(one => isNode(one) && !one['test'])

/** All that is asked of the tree beside its imports, each with files that break it and files that come close. */
export const rules: Rule[] = [
  {
    name: 'a door is the file that bears its name: no index, and no file that only passes on',
    find: file => {
      if (!isCode(file.path)) return []
      const { body } = parse(file)
      const passesOn =
        body.some(({ type }) => exporting.has(type)) &&
        body.every(({ type }) => exporting.has(type) || type === 'ImportDeclaration')
      const isIndex = nameOf(file.path) === 'index'
      return isIndex || passesOn ? [`${file.path}: is a barrel: import from the file that says it`] : []
    },
    breaks: [
      source('libs/till/index.ts', `export const one = 1`),
      source('libs/till/doors.ts', `export { decide } from './till.ts'; export type * from './events.ts'`),
      source('libs/till/all.ts', `import { decide } from './till.ts'; export { decide }`),
    ],
    keeps: [
      source('apps/till/main.ts', `import './start.ts'`),
      source('libs/till/till.ts', `export type { T } from './events.ts'; export const decide = 1`),
    ],
  },
  {
    name: 'libs of floors 0 to 6 know no clock, chance, environment or disk',
    find: ofCode(node => {
      const said = wordsOf(node).find(each => machineWords[each] !== undefined)
      return said === undefined ? undefined : `${said}: ${machineWords[said]}`
    }, isPure),
    breaks: [
      'Date.now()',
      'new Date()',
      'new Date',
      'Date()',
      'performance.now()',
      'Math.random()',
      'crypto.getRandomValues(x)',
      'crypto.randomUUID()',
      'setTimeout(f, 1)',
      'setInterval(f, 1)',
      'setImmediate(f)',
      'fetch(url)',
      'console.log(1)',
      'process.env.HOME',
      'globalThis.process',
      'import.meta.url',
      'new Date(2025, 1, 1)',
      'date.getHours()',
    ].map(text => source('libs/till/till.ts', text)),
    keeps: [
      source('libs/till/till.ts', `new Date(0); Date.UTC(2025); Math.max(1, 2); crypto.random(16); this.process()`),
      source('libs/machine/clock.ts', `Date.now()`),
      source('apps/till/start.ts', `process.env.HOME`),
    ],
  },
  {
    name: 'every event is evolved by name: no default in evolve and postingsOf',
    find: ofCode(node => {
      const name = word(node['id']) ?? word(node['identifier']) ?? word(node['key'])
      const isOne = name === 'evolve' || name === 'postingsOf'
      return isOne && defaultsWithin(node).length > 0
        ? `${name} has a default: name each event, so that a new one does not compile`
        : undefined
    }),
    breaks: [
      source(
        'libs/till/till.ts',
        `export const evolve = (s, e) => { switch (e.type) { case 'A': return s; default: return s } }`,
      ),
      source('libs/till/till.ts', `function postingsOf(e) { switch (e.type) { default: return [] } }`),
      source('libs/till/till.ts', `const till = { evolve: e => { for (;;) switch (e.type) { default: } } }`),
      source('libs/till/till.ts', `class Till { evolve(e) { switch (e.type) { default: } } }`),
    ],
    keeps: [
      source('libs/till/till.ts', `const evolve = e => { switch (e.type) { case 'A': return 1 } }`),
      source('libs/till/till.ts', `const spoken = e => { switch (e.type) { default: return 1 } }`),
    ],
  },
  {
    name: 'names speak of the trade: no Manager, Helper, Util, Impl, Base, and no I before an interface',
    find: file => [
      ...(poorName(nameOf(file.path), true) ? [`${file.path}: names a pattern: name the thing of the trade`] : []),
      ...ofCode(node => {
        const isType = types.has(node.type)
        const name = isType || bindings.has(node.type) ? (word(node['id']) ?? word(node['identifier'])) : undefined
        return name !== undefined && poorName(name, isType)
          ? `${name} names a pattern: name the thing of the trade`
          : undefined
      })(file),
    ],
    breaks: [
      source('libs/till/till-helpers.ts', ''),
      source('libs/till/utils.ts', ''),
      source('libs/till/till.ts', `class TillManager {}`),
      source('libs/till/till.ts', `export interface IReader { taps: 1 }`),
      source('libs/till/till.ts', `type ReaderBase = 1`),
      source('libs/till/till.ts', `export const tillHelper = 1`),
      source('libs/till/till.ts', `function moneyUtil() {}`),
      source('libs/till/till.ts', `const ReaderImpl = class {}`),
    ],
    keeps: [
      source('libs/license/hpke.ts', `export const sealBase = 1; type Identity = 1; class Database {}; type IFD = 1`),
    ],
  },
  {
    name: 'a type is imported at the top, where the floors are read',
    find: ofCode(({ type }) =>
      type === 'TsImportType' ? 'import(…) in a type: import the type by name at the top of the file' : undefined,
    ),
    breaks: [source('libs/till/till.ts', `type A = Array<import('#money').Amount>`)],
    keeps: [source('apps/till/start.ts', `const store = await import('#eventstore/sqlite')`)],
  },
  {
    name: 'no file names a registry host',
    find: ofText(
      /\bregistry\.[a-z-]+\.(?:org|com|io|dev|net|internal|local)\b|^\s*(?:@[\w-]+:)?registry\s*=.*/,
      'registries belong to whoever installs',
    ),
    breaks: [
      source('README.md', `npm i --registry=https://${['registry', 'npmjs', 'org'].join('.')}/`),
      source('.npmrc', ['registry', 'https://npm.example/'].join('=')),
    ],
    keeps: [source('.npmrc', 'omit-lockfile-registry-resolved=true')],
  },
  {
    name: 'no file names a place on the machine it was written on',
    find: ofText(
      /(?<![\w.$}:/-])\/(?:home|root|work|Users|workspace)\/[\w.-]+|\b[A-Z]:\\Users\\/,
      'name it from the root of the project, or take it as an argument',
    ),
    breaks: ['work', 'home', 'root', 'Users'].map(top => source('README.md', `cd /${top}/somebody/tallystick`)),
    keeps: [source('README.md', 'See https://example.org/home/page, ./home/page and /usr/include/PCSC.')],
  },
  {
    name: 'the lock file names no host: each installs from its own registry',
    find: ofText(/"resolved":\s*"[a-z+]+:.*/, 'set omit-lockfile-registry-resolved and lock again', path =>
      path.endsWith('package-lock.json'),
    ),
    breaks: [source('package-lock.json', `      "resolved": "https://example.org/a.tgz",`)],
    keeps: [source('package-lock.json', `      "resolved": "libs/till",`)],
  },
  {
    name: 'versions are exact',
    find: ({ path, text }) => {
      if (path !== 'package.json') return []
      const manifest = JSON.parse(text) as Record<string, Record<string, string>>
      return ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides'].flatMap(group =>
        Object.entries(manifest[group] ?? {}).flatMap(([name, version]) =>
          /^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)
            ? []
            : [`package.json: ${name} ${version} in ${group}: pin the version that was tested`],
        ),
      )
    },
    breaks: ['^1.0.0', '~1.0.0', '1', '*', 'latest', '>=1.0.0'].map(version =>
      source('package.json', JSON.stringify({ devDependencies: { one: version } })),
    ),
    keeps: [source('package.json', JSON.stringify({ dependencies: { one: '1.0.0', two: '2.0.0-rc.1' } }))],
  },
  {
    name: 'a door bears the name of its file, and leads from source and build to the same one',
    find: ({ path, text }) => {
      if (path !== 'package.json') return []
      const { imports = {} } = JSON.parse(text) as { imports?: Record<string, { source: string; default: string }> }
      return Object.entries(imports).flatMap(([door, to]) => {
        const way = door.slice(1)
        const folders = way.startsWith('eventstore') ? way : `libs/${way}`
        const last = folders.split('/').at(-1)
        const isHere = ['.ts', '.tsx', `/${last}.ts`].some(end => to.source === `./${folders}${end}`)
        const isThere = existsSync(join(root, to.source))
        // Vite alone builds the screens, from their sources.
        const built = way.startsWith('screens/') ? to.source : to.source.replace(/^\.\/(.*)\.ts$/, './dist/$1.js')
        return [
          ...(isHere ? [] : [`package.json: ${door} leads to ${to.source}: call it by the path of its file`]),
          ...(isThere ? [] : [`package.json: ${door} leads to ${to.source}, which is not there: remove it`]),
          ...(to.default === built ? [] : [`package.json: ${door} is built to ${to.default}, not to ${built}`]),
        ]
      })
    },
    breaks: [
      { '#money': { source: './libs/money/coins.ts', default: './dist/libs/money/coins.js' } },
      { '#money': { source: './libs/money/money.ts', default: './dist/libs/money/coins.js' } },
      { '#cash': { source: './libs/money/money.ts', default: './dist/libs/money/money.js' } },
      { '#money/lost': { source: './libs/money/lost.ts', default: './dist/libs/money/lost.js' } },
    ].map(imports => source('package.json', JSON.stringify({ imports }))),
    keeps: [
      { '#money': { source: './libs/money/money.ts', default: './dist/libs/money/money.js' } },
      {
        '#eventstore/sqlite': {
          source: './eventstore/sqlite/sqlite.ts',
          default: './dist/eventstore/sqlite/sqlite.js',
        },
      },
      { '#screens/list': { source: './libs/screens/list.tsx', default: './libs/screens/list.tsx' } },
    ].map(imports => source('package.json', JSON.stringify({ imports }))),
  },
]

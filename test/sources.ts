import { readdirSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseSync } from '@swc/core'

/** One file of the tree, its path from the root and with `/`. */
export type Source = { path: string; text: string }

export const root = resolve(import.meta.dirname, '..')

/** Every text file of the tree but what .gitignore names. No child is asked: a copy without git is kept as well. */
export const tree = (): Source[] => {
  const ignored = readFileSync(join(root, '.gitignore'), 'utf8')
    .split('\n')
    .map(line => line.trim().replace(/^\/|\/$/g, ''))
  const left = (name: string): boolean =>
    name === '.git' || ignored.some(one => (one.startsWith('*') ? name.endsWith(one.slice(1)) : name === one))
  const under = (folder: string): Source[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (left(entry.name)) return []
      if (entry.isDirectory()) return under(path)
      if (!entry.isFile()) return []
      const text = readFileSync(join(root, path), 'utf8')
      return text.includes('\0') ? [] : [{ path, text }]
    })
  return under('')
}

export const isCode = (path: string): boolean => /\.(?:ts|tsx|mjs|cjs|js)$/.test(path)
export const nameOf = (path: string): string => basename(path).replace(/\..*$/, '')

/** A node of swc's tree, read by shape: the rules look at a handful of kinds and walk past all others. */
export type Node = { readonly type: string; readonly [field: string]: unknown }

const isObject = (value: unknown): value is { readonly [field: string]: unknown } =>
  typeof value === 'object' && value !== null
export const isNode = (value: unknown): value is Node => isObject(value) && typeof value['type'] === 'string'

export const parse = ({ path, text }: Source): Node & { body: Node[] } => {
  const { type, body } = parseSync(text, { syntax: 'typescript', tsx: path.endsWith('x'), decorators: true })
  return { type, body: (body as unknown[]).filter(isNode) }
}

/** The node and all below it, in the order of the text. */
export function* nodes(value: unknown): Generator<Node> {
  if (isNode(value)) yield value
  if (Array.isArray(value)) for (const each of value) yield* nodes(each)
  else if (isObject(value)) for (const field of Object.values(value)) if (isObject(field)) yield* nodes(field)
}

/** The word an identifier, a property or a string stands for; nothing where it is computed. */
export const word = (value: unknown): string | undefined =>
  isObject(value) && typeof value['value'] === 'string' ? value['value'] : undefined

export const lineOf = ({ text }: Source, node: Node): number => {
  const span = node['span']
  const start = isObject(span) && typeof span['start'] === 'number' ? span['start'] : 1
  // swc counts octets from one.
  return Buffer.from(text).subarray(0, start).toString('utf8').split('\n').length
}

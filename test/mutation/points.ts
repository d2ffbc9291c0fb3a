import { parseSync } from '@swc/core'

/** Small changes of meaning that a machine finds in a source: each one must make some test fail. */
export type Mutant = {
  readonly file: string
  readonly line: number
  /** In octets of the source. */
  readonly from: number
  readonly to: number
  readonly was: string
  readonly is: string
}

type Span = { readonly start: number; readonly end: number }
type Node = { readonly type: string; readonly span?: Span; readonly [name: string]: unknown }

const otherOperator: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '+': '-',
  '-': '+',
  '*': '+',
  '/': '*',
  '%': '+',
  '&&': '||',
  '||': '&&',
  '??': '&&',
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'

/** Every mutant of one source, in its order. Types, imports and exports mean nothing at run time. */
export const mutantsOf = (file: string, source: string): Mutant[] => {
  const octets = Buffer.from(source)
  const found: Mutant[] = []
  // Places are counted in octets, from one.
  const text = ({ start, end }: Span): string => octets.subarray(start - 1, end - 1).toString()
  const add = (span: Span, is: string): void => {
    const line = octets
      .subarray(0, span.start - 1)
      .toString()
      .split('\n').length
    found.push({ file, line, from: span.start - 1, to: span.end - 1, was: text(span), is })
  }
  const between = (left: Node, right: Node, operator: string): Span | undefined => {
    const gap = { start: (left.span as Span).end, end: (right.span as Span).start }
    const place = text(gap).indexOf(operator)
    if (place < 0) return undefined
    const start = gap.start + Buffer.byteLength(text(gap).slice(0, place))
    return { start, end: start + operator.length }
  }
  const negate = (test: unknown): void => {
    if (!isNode(test) || !test.span) return
    // Its operator turned round is the same.
    const isEquality = test.type === 'BinaryExpression' && ['===', '!=='].includes(test['operator'] as string)
    if (!isEquality) add(test.span, `!(${text(test.span)})`)
  }

  const visit = (node: Node): void => {
    if (
      node.type.startsWith('Ts') &&
      !['TsAsExpression', 'TsNonNullExpression', 'TsSatisfiesExpression'].includes(node.type)
    )
      return
    if (node.type === 'ImportDeclaration') return
    switch (node.type) {
      case 'BinaryExpression': {
        const { left, right, operator } = node as Node & { left: Node; right: Node; operator: string }
        const other = otherOperator[operator]
        // Text is put together and not counted.
        const isText = [left, right].some(({ type }) => type === 'TemplateLiteral' || type === 'StringLiteral')
        const span = other && !(isText && operator === '+') ? between(left, right, operator) : undefined
        if (other && span) add(span, other)
        break
      }
      case 'IfStatement':
      case 'ConditionalExpression':
        negate(node['test'])
        break
      // One word of the trade, not a sentence for people.
      case 'StringLiteral':
        if (!String(node['value']).includes(' ')) add(node.span as Span, `'another ${String(node['value'])}'`)
        break
      case 'BooleanLiteral':
        add(node.span as Span, node['value'] ? 'false' : 'true')
        break
      case 'NumericLiteral':
        add(node.span as Span, `${Number(node['value']) + 1}`)
        break
      case 'BigIntLiteral':
        add(node.span as Span, `(${text(node.span as Span)} + 1n)`)
        break
      case 'ReturnStatement': {
        const argument = node['argument']
        if (isNode(argument) && argument.type === 'ArrayExpression' && (argument['elements'] as []).length > 0)
          add(argument.span as Span, '[]')
        break
      }
      case 'ArrowFunctionExpression': {
        const body = node['body']
        if (isNode(body) && body.type === 'ArrayExpression' && (body['elements'] as []).length > 0)
          add(body.span as Span, '[]')
        break
      }
      case 'ExpressionStatement': {
        const expression = node['expression']
        if (isNode(expression) && expression.type === 'CallExpression') add(expression.span as Span, '0')
        break
      }
    }
    for (const value of Object.values(node)) each(value)
  }
  const each = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) each(one)
    else if (isNode(value)) visit(value)
    else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) each(one)
  }
  each(parseSync(source, { syntax: 'typescript' }).body)
  return found
}

export const mutated = (source: string, { from, to, is }: Mutant): string => {
  const octets = Buffer.from(source)
  return Buffer.concat([octets.subarray(0, from), Buffer.from(is), octets.subarray(to)]).toString()
}

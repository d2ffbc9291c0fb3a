import { intOf, type Projection, put, type RowsReader, textOf } from '#eventstore/rows'
import { understood } from '#ledger/vocabulary'
import { formatAmount, minorUnits } from '#money'

/** What someone must look at. */

const putException = put('exception', 'key')

export const exceptions: Projection = {
  name: 'exceptions',
  version: 1,
  tables: [
    {
      name: 'exception',
      key: ['key'],
      columns: {
        key: 'text',
        kind: 'text',
        amount: 'int',
        currency: 'text',
        concerns: 'text',
        message: 'text',
        raised: 'text',
        index: 'int',
      },
      indexes: [['index']],
    },
  ],
  wants: type => type === 'ExceptionRaised',
  apply: logged => {
    const event = understood(logged)
    if (event?.type !== 'ExceptionRaised') return []
    const { key, kind, amount, currency, concerns, message } = event.data
    const about = { key, kind, amount: minorUnits(amount), currency, concerns: concerns.join('\n'), message }
    return [putException({ ...about, raised: event.at, index: BigInt(event.index) })]
  },
}

/* -------------------------------------------------------------- questions */

export type ExceptionAnswer = {
  readonly key: string
  readonly kind: string
  readonly amount: string
  readonly currency: string
  readonly concerns: string[]
  readonly message: string
  readonly raised: string
  readonly index: number
}

/** The newest first. */
export const exceptionList = async (
  rows: RowsReader,
  asked: { readonly before?: number; readonly limit?: number } = {},
): Promise<{ readonly exceptions: ExceptionAnswer[]; readonly index: number }> => {
  const where = asked.before === undefined ? {} : { index: { below: BigInt(asked.before) } }
  const order = [['index', 'down']] as const
  const found = await rows.select(exceptions, 'exception', { where, order, limit: asked.limit ?? 100 })
  return {
    exceptions: found.map(row => {
      const currency = textOf(row, 'currency')
      return {
        key: textOf(row, 'key'),
        kind: textOf(row, 'kind'),
        amount: formatAmount(intOf(row, 'amount'), currency),
        currency,
        concerns: textOf(row, 'concerns').split('\n'),
        message: textOf(row, 'message'),
        raised: textOf(row, 'raised'),
        index: Number(intOf(row, 'index')),
      }
    }),
    index: (await rows.checkpoint(exceptions)) - 1,
  }
}

export const exceptionCount = async (rows: RowsReader): Promise<number> => {
  const [all] = await rows.sums(exceptions, 'exception', { column: 'index', by: [] })
  return Number(all?.['count'] ?? 0n)
}

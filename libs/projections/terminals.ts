import { intOf, type Look, type Projection, put, type Row, type RowsReader, textOf } from '#eventstore/rows'
import { understood } from '#ledger/vocabulary'
import { type Currency, formatAmount, minorUnits } from '#money'

/** Each terminal: where it stands, when it was last heard of, how far its log is here, and the rules it works under. */

const types = new Set<string>(['TerminalInvited', 'TerminalEnrolled', 'BatchAccepted', 'ForkDetected', 'RulesAdopted'])

const putTerminal = put('terminal', 'terminal')

export const terminals: Projection = {
  name: 'terminals',
  version: 1,
  tables: [
    {
      name: 'terminal',
      key: ['terminal'],
      columns: {
        terminal: 'text',
        shop: 'text',
        merchant: 'text',
        state: 'text',
        last_seen: 'text',
        /** The last revision of its log that is held here, -1 for none. */
        revision: 'int',
        gaps: 'int',
        forks: 'int',
        waiting_count: 'int',
        waiting_sum: 'int',
        waiting_currency: 'text',
        policy: 'int',
        deny_list: 'int',
        key_set: 'int',
      },
      indexes: [['state', 'last_seen']],
    },
  ],
  wants: type => types.has(type),
  apply: (logged, look) => {
    const event = understood(logged)
    if (!event) return []
    switch (event.type) {
      case 'TerminalInvited': {
        const { terminal, shop, merchant } = event.data
        return [putTerminal({ ...rowOf(terminal, look), shop, merchant, state: 'invited' })]
      }
      case 'TerminalEnrolled': {
        const { terminal, shop, merchant } = event.data
        return [putTerminal({ ...rowOf(terminal, look), shop, merchant, state: 'enrolled', last_seen: event.at })]
      }
      case 'BatchAccepted': {
        const { terminal, from, count, receivedAt, waiting } = event.data
        const row = rowOf(terminal, look)
        const held = intOf(row, 'revision')
        const last = BigInt(from + count - 1)
        return [
          putTerminal({
            ...row,
            last_seen: receivedAt,
            revision: last > held ? last : held,
            // Intake refuses a batch that leaves a gap; one that is here was cut out of the log after.
            gaps: intOf(row, 'gaps') + (BigInt(from) > held + 1n ? 1n : 0n),
            waiting_count: waiting ? BigInt(waiting.count) : null,
            waiting_sum: waiting ? minorUnits(waiting.sum) : null,
            waiting_currency: waiting?.currency ?? null,
          }),
        ]
      }
      case 'ForkDetected': {
        const row = rowOf(event.data.terminal, look)
        return [putTerminal({ ...row, forks: intOf(row, 'forks') + 1n })]
      }
      case 'RulesAdopted': {
        const { policy, denyList, keySet } = event.data
        const versions = { policy: policy.version, deny_list: denyList.version, key_set: keySet.version }
        const row = rowOf(terminalOf(event.stream), look)
        return [
          putTerminal({
            ...row,
            ...Object.fromEntries(Object.entries(versions).map(([column, version]) => [column, BigInt(version)])),
          }),
        ]
      }
      default:
        return []
    }
  },
}

/** `terminal-T-1` is T-1's own log, and `terminal-T-1~…` a branch of it. */
export const terminalOf = (stream: string): string => stream.replace(/^terminal-/, '').replace(/~.*$/, '')

const rowOf = (terminal: string, look: Look): Row =>
  look('terminal', [terminal]) ?? {
    terminal,
    shop: '',
    merchant: '',
    state: 'invited',
    last_seen: null,
    revision: -1n,
    gaps: 0n,
    forks: 0n,
    waiting_count: null,
    waiting_sum: null,
    waiting_currency: null,
    policy: null,
    deny_list: null,
    key_set: null,
  }

/* -------------------------------------------------------------- questions */

export type TerminalAnswer = {
  readonly terminal: string
  readonly shop: string
  readonly merchant: string
  readonly state: 'invited' | 'enrolled'
  readonly lastSeen: string | null
  readonly revision: number
  readonly waiting: { readonly count: number; readonly sum: string; readonly currency: Currency } | null
  readonly gaps: number
  readonly forks: number
  readonly policyVersion: number | null
  readonly denyListVersion: number | null
  readonly keySetVersion: number | null
}

const versionOf = (row: Row, column: string): number | null => (row[column] === null ? null : Number(row[column]))

const answerOf = (row: Row): TerminalAnswer => {
  const currency = row['waiting_currency']
  return {
    terminal: textOf(row, 'terminal'),
    shop: textOf(row, 'shop'),
    merchant: textOf(row, 'merchant'),
    state: textOf(row, 'state') as TerminalAnswer['state'],
    lastSeen: row['last_seen'] === null ? null : textOf(row, 'last_seen'),
    revision: Number(intOf(row, 'revision')),
    waiting:
      typeof currency === 'string'
        ? {
            count: Number(intOf(row, 'waiting_count')),
            sum: formatAmount(intOf(row, 'waiting_sum'), currency),
            currency,
          }
        : null,
    gaps: Number(intOf(row, 'gaps')),
    forks: Number(intOf(row, 'forks')),
    policyVersion: versionOf(row, 'policy'),
    denyListVersion: versionOf(row, 'deny_list'),
    keySetVersion: versionOf(row, 'key_set'),
  }
}

export const terminalsIndex = async (rows: RowsReader): Promise<number> => (await rows.checkpoint(terminals)) - 1

export const terminalList = async (
  rows: RowsReader,
): Promise<{ readonly terminals: TerminalAnswer[]; readonly index: number }> => ({
  terminals: (await rows.select(terminals, 'terminal')).map(answerOf),
  index: await terminalsIndex(rows),
})

/** Enrolled terminals, those not heard of since an instant, and gaps and forks in their logs. */
export const terminalCounts = async (
  rows: RowsReader,
  asked: {
    readonly silentSince: string
    /** When a process heard a terminal itself, in milliseconds: a contact without events is in no log. */
    readonly heard?: ReadonlyMap<string, number>
  },
): Promise<{ readonly count: number; readonly silent: number; readonly openGaps: number }> => {
  const enrolled = await rows.select(terminals, 'terminal', { where: { state: 'enrolled' } })
  return {
    count: enrolled.length,
    silent: enrolled.filter(row => {
      const heard = asked.heard?.get(textOf(row, 'terminal'))
      const contact = heard === undefined ? '' : new Date(heard).toISOString()
      return textOf(row, 'last_seen') < asked.silentSince && contact < asked.silentSince
    }).length,
    openGaps: enrolled.reduce((sum, row) => sum + Number(intOf(row, 'gaps') + intOf(row, 'forks')), 0),
  }
}

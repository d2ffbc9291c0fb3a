import { fromBase64url } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'
import {
  type Change,
  intOf,
  type Look,
  type Projection,
  put,
  type Row,
  type RowsReader,
  textOf,
} from '#eventstore/rows'
import { understood } from '#ledger/vocabulary'
import { readCertificate } from '#license/certificate'
import { type Currency, formatAmount, minorUnits } from '#money'
import { enrolmentWords, quarantineWords } from '#sync/events'

/** Each terminal: where it stands, when it was last heard of, how far its log is here, and the rules it works under. */

const types = new Set<string>([
  ...Object.keys(enrolmentWords),
  ...Object.keys(quarantineWords),
  'AssignmentAdopted',
  'BatchAccepted',
  'ForkDetected',
  'RulesAdopted',
])

const putTerminal = put('terminal', 'terminal')

export const terminals: Projection = {
  name: 'terminals',
  version: 3,
  tables: [
    {
      name: 'terminal',
      key: ['terminal'],
      columns: {
        terminal: 'text',
        shop: 'text',
        merchant: 'text',
        /** What people call it; null where they call it by its id. */
        label: 'text',
        state: 'text',
        /** Why it is not in service, or what took its place. */
        because: 'text',
        certificate_ends: 'text',
        /** The shop and standing of the centre's word that it adopted last. */
        adopted_shop: 'text',
        adopted_standing: 'text',
        last_seen: 'text',
        /** The last revision of its log that is held here, -1 for none. */
        revision: 'int',
        gaps: 'int',
        forks: 'int',
        /** Batches of it that were refused, and wait for a decision. */
        quarantined: 'int',
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
        return [putTerminal({ ...rowOf(terminal, look), shop, merchant, state: 'invited', because: null })]
      }
      case 'InvitationCancelled':
        return [changed(event.data.terminal, look, { state: 'cancelled', because: event.data.reason })]
      case 'TerminalEnrolled': {
        const { terminal, shop, merchant, certificate } = event.data
        const certificate_ends = endOf(certificate)
        const here = { shop, merchant, state: 'enrolled', last_seen: event.at, certificate_ends }
        return [changed(terminal, look, here)]
      }
      case 'TerminalRenamed':
        return [changed(event.data.terminal, look, { label: event.data.label })]
      case 'TerminalMoved':
        return [changed(event.data.terminal, look, { shop: event.data.shop })]
      case 'CertificateRenewed':
        return [changed(event.data.terminal, look, { certificate_ends: endOf(event.data.certificate) })]
      case 'TerminalSuspended':
        return [stands(event.data.terminal, look, 'suspended', event.data.reason)]
      case 'TerminalReinstated': {
        const row = rowOf(event.data.terminal, look)
        return row['state'] === 'suspended' ? [putTerminal({ ...row, state: 'enrolled', because: null })] : []
      }
      case 'TerminalReplaced':
        return [stands(event.data.terminal, look, 'replaced', `${event.data.reason}; by ${event.data.by}`)]
      case 'TerminalLost':
        return [stands(event.data.terminal, look, 'lost', event.data.reason)]
      case 'TerminalRetired':
        return [stands(event.data.terminal, look, 'retired', event.data.reason)]
      case 'AssignmentAdopted': {
        const { shop, standing } = event.data
        return [changed(terminalOf(event.stream), look, { adopted_shop: shop, adopted_standing: standing })]
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
      case 'BatchQuarantined':
        // One that goes on where a kept one ends takes its place.
        return event.data.extends === undefined ? [decidable(event.data.terminal, look, 1n)] : []
      case 'QuarantineReleased':
      case 'QuarantineRejected':
        return [decidable(event.data.terminal, look, -1n)]
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

const changed = (terminal: string, look: Look, change: Row): Change =>
  putTerminal({ ...rowOf(terminal, look), ...change })

const decidable = (terminal: string, look: Look, more: bigint): Change => {
  const row = rowOf(terminal, look)
  return putTerminal({ ...row, quarantined: intOf(row, 'quarantined') + more })
}

/** From the lightest to the gravest: what is said of a terminal later never makes it less. */
const gravity = ['enrolled', 'suspended', 'replaced', 'lost', 'retired']
const stands = (terminal: string, look: Look, state: string, because: string): Change => {
  const row = rowOf(terminal, look)
  return putTerminal(gravity.indexOf(state) < gravity.indexOf(textOf(row, 'state')) ? row : { ...row, state, because })
}

/** Of a certificate that the centre made; a log from elsewhere may hold another thing there. */
const endOf = (certificate: string): string | null => {
  try {
    return new Date(readCertificate(fromBase64url(certificate)).expires * 1000).toISOString()
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError || error instanceof RangeError) return null
    throw error
  }
}

const rowOf = (terminal: string, look: Look): Row =>
  look('terminal', [terminal]) ?? {
    terminal,
    shop: '',
    merchant: '',
    label: null,
    state: 'invited',
    because: null,
    certificate_ends: null,
    adopted_shop: null,
    adopted_standing: null,
    last_seen: null,
    revision: -1n,
    gaps: 0n,
    forks: 0n,
    quarantined: 0n,
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
  readonly label: string | null
  readonly state: 'invited' | 'cancelled' | 'enrolled' | 'suspended' | 'replaced' | 'lost' | 'retired'
  /** Why it is not in service. */
  readonly because: string | null
  readonly certificateEnds: string | null
  /** Has it adopted the centre's newest word on its shop and standing? It may be out of reach. */
  readonly told: boolean
  readonly lastSeen: string | null
  readonly revision: number
  readonly waiting: { readonly count: number; readonly sum: string; readonly currency: Currency } | null
  readonly gaps: number
  readonly forks: number
  readonly quarantined: number
  readonly policyVersion: number | null
  readonly denyListVersion: number | null
  readonly keySetVersion: number | null
}

const versionOf = (row: Row, column: string): number | null => (row[column] === null ? null : Number(row[column]))

const orNull = (row: Row, column: string): string | null => (row[column] === null ? null : textOf(row, column))

const answerOf = (row: Row): TerminalAnswer => {
  const currency = row['waiting_currency']
  return {
    terminal: textOf(row, 'terminal'),
    shop: textOf(row, 'shop'),
    merchant: textOf(row, 'merchant'),
    label: orNull(row, 'label'),
    state: textOf(row, 'state') as TerminalAnswer['state'],
    because: orNull(row, 'because'),
    certificateEnds: orNull(row, 'certificate_ends'),
    told: row['adopted_shop'] === row['shop'] && row['adopted_standing'] === row['state'],
    lastSeen: orNull(row, 'last_seen'),
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
    quarantined: Number(intOf(row, 'quarantined')),
    policyVersion: versionOf(row, 'policy'),
    denyListVersion: versionOf(row, 'deny_list'),
    keySetVersion: versionOf(row, 'key_set'),
  }
}

export const terminalsIndex = async (rows: RowsReader): Promise<number> => (await rows.checkpoint(terminals)) - 1

/** All of them, or the one of that id. */
export const terminalList = async (
  rows: RowsReader,
  terminal?: string,
): Promise<{ readonly terminals: TerminalAnswer[]; readonly index: number }> => ({
  terminals: (await rows.select(terminals, 'terminal', terminal === undefined ? {} : { where: { terminal } })).map(
    answerOf,
  ),
  index: await terminalsIndex(rows),
})

/** Terminals that may still bring payments, those not heard of since an instant, and gaps and forks in their logs. */
export const terminalCounts = async (
  rows: RowsReader,
  asked: {
    readonly silentSince: string
    /** When a process heard a terminal itself, in milliseconds: a contact without events is in no log. */
    readonly heard?: ReadonlyMap<string, number>
  },
): Promise<{ readonly count: number; readonly silent: number; readonly openGaps: number }> => {
  // A suspended terminal, or one that another stands in for, may hold payments of before; a retired one brings no more.
  const enrolled = (
    await Promise.all(
      ['enrolled', 'suspended', 'replaced', 'lost'].map(state =>
        rows.select(terminals, 'terminal', { where: { state } }),
      ),
    )
  ).flat()
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

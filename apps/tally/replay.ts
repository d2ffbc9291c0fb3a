import { parseArgs } from 'node:util'
import { type ReplayLine, replayAccount, replayTransaction } from '#evidence/replay'
import { nodeCrypto } from '#machine/crypto'
import { Usage } from '#machine/process'
import { formatAmount } from '#money'
import { openSource, sourceOptions } from './source.ts'

/** `tally replay`: exit 0 where everything holds, 1 where something does not. */
export const replay = async (args: readonly string[]): Promise<number> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...sourceOptions,
      transaction: { type: 'string' },
      account: { type: 'string' },
      at: { type: 'string' },
      'known-at': { type: 'string' },
    },
  })
  const { transaction, account, at, json } = values
  if ((transaction === undefined) === (account === undefined))
    throw new Usage('replay takes --transaction ID or --account ID, one of them.')
  const knownAt = values['known-at'] === undefined ? undefined : Number(values['known-at'])
  if (knownAt !== undefined && !Number.isInteger(knownAt)) throw new Usage('--known-at takes a log index, such as 42.')
  const moment = at === undefined ? undefined : new Date(at)
  if (moment && Number.isNaN(moment.getTime()))
    throw new Usage(`--at takes a time such as 2026-11-23T10:00:00Z, not ${at}.`)

  const crypto = nodeCrypto()
  const { store, ...trusted } = await openSource(crypto, values)
  try {
    const lines =
      transaction !== undefined
        ? replayTransaction(crypto, store, transaction, trusted)
        : replayAccount(crypto, store, account as string, {
            ...trusted,
            ...(moment ? { at: moment.toISOString() } : {}),
            ...(knownAt === undefined ? {} : { knownAt }),
          })
    let holds = true
    for await (const line of lines) {
      if (line.line === 'finding') holds = line.holds
      process.stdout.write(`${json ? JSON.stringify(line, plain) : inWords(line)}\n`)
    }
    return holds ? 0 : 1
  } finally {
    await store.close()
  }
}

const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value)

const inWords = (line: ReplayLine): string => {
  switch (line.line) {
    case 'event': {
      const { index, stream, revision, type, at, says } = line.event
      const mark = line.check.pass ? 'holds' : `FAILS: expected ${line.check.expected}, found ${line.check.found}`
      return `${String(index).padStart(6)}  ${at}  ${stream.replace(/^(payment-.{12}).*/, '$1…')} ${revision}  ${type}${says && ` (${says})`}  ${mark}`
    }
    case 'check': {
      const { check, pass, reason, expected, found, rule } = line.check
      const compared =
        line.stored === 'not stored' || (line.stored === 'pass') === pass ? '' : `; the terminal stored ${line.stored}`
      return pass
        ? `          pass  ${check}${rule ? ` [${rule}]` : ''}${compared}`
        : `          FAIL  ${check} ${reason}: expected ${expected}, found ${found}${compared}`
    }
    case 'posting': {
      const { account, side, amount, currency } = line.posting
      const sum = `${formatAmount(amount, currency)} ${currency}`
      return `          ${side === 'debit' ? 'Dr' : 'Cr'}  ${account.replace(/^(\w+:.{16}).*/, '$1…').padEnd(34)} ${sum.padStart(14)}   balance ${line.balance}`
    }
    case 'balance': {
      const { currency, limit, owed, held, available } = line.figures
      const gap = line.missing === 0 ? '' : `; ${line.missing} events not understood`
      return `\n${line.account}: limit ${limit} − owed ${owed} − held ${held} = available ${available} ${currency}${gap}`
    }
    case 'finding':
      return `\n${line.holds ? 'HOLDS' : 'DOES NOT HOLD'}: ${line.says}`
  }
}

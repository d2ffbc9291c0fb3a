import { isRefusal } from '#canonical/decider'
import { minorUnits } from '#money'
import type { BackOffice } from '../../apps/back-office/back-office.ts'
import { town as everybody } from './centres.ts'
import { day_ms, hour_ms, month_ms, type Person } from './people.ts'
import type { Selling } from './selling.ts'
import { orThrow } from './shops.ts'
import { by, second, type Town } from './town.ts'

/** What the back office orders in the month: money beside payments, accounts, and what two people decide. */
export const office = (town: Town, { shopping }: Selling) => {
  const { chance, at, count, order, money, centres, people, pocket, phoneOf, accountOf } = town
  const { held, givenBack, paymentsSeen, other, euroTill, openHour } = town
  const renewed: string[] = []

  const tourist = people.find(({ cast }) => cast === 'tourist') as Person
  for (let repaid = 0; repaid < 120; repaid++)
    at(month_ms + (9 + chance.below(20)) * day_ms + chance.below(86_400) * 1000, async () => {
      // Every twentieth of a tourist, in the other currency.
      const { account, currency } = repaid % 20 === 0 ? tourist : chance.pick(people)
      const amount = BigInt(1 + chance.below(6000))
      const repayment = { account, repayment: `repaid-${repaid}`, amount: minorUnits(`${amount}`), currency }
      const source = chance.pick(['bank', 'counter'])
      orThrow(await order(account, node => node.receiveRepayment({ ...repayment, source, by })))
      money.moves(`clearing:${source}`, `payer:${account}`, currency, amount)
      count(`repayment in ${currency}`)
    })
  // What was paid in by mistake goes back, what was paid in too much is paid out, what nobody pays is written off.
  const [mistaken, early, bad] = ['regular', 'over one payment', 'spender'].map(
    cast => people.find(each => each.cast === cast)?.account as string,
  ) as [string, string, string]
  const sum = (amount: bigint) => ({ amount: minorUnits(`${amount}`), currency: 'EUR' })
  at(month_ms + 20 * day_ms, async () => {
    const repayment = { account: mistaken, repayment: 'bounced', ...sum(700n), source: 'bank', by }
    orThrow(await order(mistaken, node => node.receiveRepayment(repayment)))
    const back = { account: mistaken, proposal: 'back-1', repayment: 'bounced', reason: 'the bank took it back', by }
    orThrow(await order(mistaken, node => node.proposeReturn(back)))
    const backToo = { account: mistaken, proposal: 'back-1', by: second }
    orThrow(await order(mistaken, node => node.approveAccountOrder(backToo)))
    count('repayment returned')
    const paidEarly = { account: early, repayment: 'early', ...sum(5_000n), source: 'bank', by }
    orThrow(await order(early, node => node.receiveRepayment(paidEarly)))
    money.moves('clearing:bank', `payer:${early}`, 'EUR', 5_000n)
    const out = { account: early, payout: 'out-1', ...sum(2_000n), source: 'bank', reason: 'asked for', by }
    orThrow(await order(early, node => node.proposePayout(out)))
    const outToo = { account: early, proposal: 'out-1', by: second }
    orThrow(await order(early, node => node.approveAccountOrder(outToo)))
    money.moves(`payer:${early}`, 'clearing:bank', 'EUR', 2_000n)
    count('paid out')
  })
  at(month_ms + 27 * day_ms, async () => {
    await centres.settle()
    const writeOff = { account: bad, writeOff: 'off-1', ...sum(900n), reason: 'nobody pays it', by }
    orThrow(await order(bad, node => node.proposeWriteOff(writeOff)))
    const approval = { account: bad, writeOff: 'off-1', by: second }
    orThrow(await order(bad, node => node.approveWriteOff(approval)))
    money.moves('losses', `payer:${bad}`, 'EUR', 900n)
    count('debt written off')
    const lines = [
      { account: 'losses', side: 'debit' as const, amount: '350', currency: 'EUR' },
      { account: 'merchant:m-1', side: 'credit' as const, amount: '350', currency: 'EUR' },
    ]
    const proposal = { adjustment: 'adjusted-1', lines, reason: 'goodwill', by }
    orThrow(await order(everybody, node => node.proposeAdjustment(proposal)))
    orThrow(await order(everybody, node => node.approveAdjustment({ adjustment: 'adjusted-1', by: second })))
    money.moves('losses', 'merchant:m-1', 'EUR', 350n)
    count('adjustment')
  })
  // The holders of some go online, and come back with another license, signed by the key that followed.
  for (let renewal = 0; renewal < 25; renewal++) {
    const phone = other(300 + renewal)
    at(month_ms + 15 * day_ms + renewal * 60_000, async () => {
      const account = accountOf.get(phone) as string
      if (isRefusal(await pocket.ofAccount(account).renew(phone))) return count('renewal refused')
      const { license } = orThrow(pocket.phones.look(phone)) as { license: { id: string } }
      const amount = people[phoneOf.indexOf(phone)]?.allowance as bigint
      money.grants(license.id, account, 'EUR', amount)
      renewed.push(license.id)
      count('license renewed')
    })
    shopping(phone, euroTill(1 + renewal), openHour(euroTill(1 + renewal), 29), 450n)
  }
  const stopped = people.findLast(({ cast }) => cast === undefined)?.account as string
  at(month_ms + 16 * day_ms, async () => {
    orThrow(await order(stopped, node => node.suspendAccount({ account: stopped, reason: 'looked at', by })))
  })
  at(month_ms + 18 * day_ms, async () => {
    orThrow(await order(stopped, node => node.reinstateAccount({ account: stopped, reason: 'all is well', by })))
    count('account suspended and reinstated')
  })
  at(month_ms + 25 * day_ms + 12 * hour_ms, async () => {
    const bearers = ['payer', 'merchant', 'operator', undefined] as const
    await centres.settle()
    const decidable = paymentsSeen().filter(({ transaction }) => held.has(transaction))
    const backOf = (transaction: string) => givenBack.find(each => each.transaction === transaction)
    const plain = decidable.filter(({ transaction }) => !backOf(transaction))
    for (const [place, { payment }] of plain.entries()) {
      const bears = bearers[place % bearers.length]
      if (bears === undefined) continue
      orThrow(await order(payment, node => decided(node, payment, bears)))
      money.decides(payment, bears)
      count(`held, ${bears} bears it`)
    }
    for (const [place, { payment, transaction }] of decidable.filter(each => backOf(each.transaction)).entries()) {
      const { reversal } = backOf(transaction) as { reversal: string }
      const refusing = { payment, proposal: `refusal of ${reversal}`, reversal, why: 'the goods are not back', by }
      if (place % 3 === 0) {
        orThrow(
          await order(payment, async node => {
            const proposed = await node.proposeRefusal(refusing)
            if (isRefusal(proposed)) return proposed
            const refused = await node.approveProposal({ payment, proposal: refusing.proposal, by: second })
            return isRefusal(refused) ? refused : decided(node, payment, 'operator')
          }),
        )
        money.refuses(reversal)
        money.decides(payment, 'operator')
        count('held reversal refused by two')
      }
      // Somebody looked again: the goods are back, and the payer who owes the rest has its part.
      if (place % 3 === 1) {
        orThrow(
          await order(payment, async node => {
            const proposed = await node.proposeRefusal(refusing)
            if (isRefusal(proposed)) return proposed
            const why = 'they are back'
            const withdrawn = await node.withdrawProposal({ payment, proposal: refusing.proposal, why, by: second })
            return isRefusal(withdrawn) ? withdrawn : decided(node, payment, 'payer')
          }),
        )
        money.decides(payment, 'payer')
        count('held reversal released')
      }
      if (place % 3 === 2) count('held reversal left open')
    }
  })

  // Some leave the town: the first step ends their licenses, and the second waits until nothing is open.
  const members = Map.groupBy(people, ({ account }) => account)
  const alone = people.filter(({ cast, account }) => !cast && account !== stopped && members.get(account)?.length === 1)
  const closing = alone.slice(-4)
  at(month_ms + 20 * day_ms, async () => {
    for (const { account } of closing) {
      orThrow(await order(account, node => node.beginClosing({ account, reason: 'moved away', by })))
      count('account closing')
    }
  })
  at(month_ms + 22 * day_ms, async () => {
    for (const { account } of closing) {
      const early = await order(account, node => node.closeAccount({ account, by }))
      if (isRefusal(early)) count(`closing refused: ${early.reason}`)
    }
  })

  return { renewed, closing }
}

/** Who bears a held payment: one proposes it, another approves. */
const decided = async (node: BackOffice, payment: string, bears: 'payer' | 'merchant' | 'operator') => {
  const proposal = `decision on ${payment.slice(0, 12)}`
  const proposed = await node.proposeDecision({ payment, proposal, bears, reason: 'looked at', by })
  return isRefusal(proposed) ? proposed : node.approveProposal({ payment, proposal, by: second })
}

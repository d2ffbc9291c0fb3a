import { isRefusal } from '#canonical/decider'
import { minorUnits } from '#money'
import { day_ms } from './people.ts'
import { type Cut, orThrow, supervisor, type Till } from './shops.ts'
import type { Approved, Town } from './town.ts'

/** What is sold and given back, tap by tap, and what was seen of it. */
export type Selling = ReturnType<typeof selling>

export const selling = ({ chance, clock, count, tills, pocket, approved, givenBack, held, altered, at }: Town) => {
  const tap = async (phone: string, id: string, amount: bigint, lost?: Cut): Promise<string | undefined> => {
    const till = tills.get(id) as Till
    if (till.gone) return undefined
    count('tap')
    const sale = till.node.startSale(minorUnits(`${amount}`), till.node.status().currency)
    if (isRefusal(sale)) {
      count(`till refused: ${sale.reason}`)
      return undefined
    }
    await pocket.tap(phone, id, lost)
    await overridden(till, phone, sale.sale)
    let seen = till.node.saleOf(sale.sale)
    if (seen?.state === 'torn') {
      count('torn')
      if (chance.chance(75)) {
        count('torn, tapped again')
        await pocket.tap(phone, id)
        seen = till.node.saleOf(sale.sale)
      }
    }
    if (seen?.state === 'torn' || seen?.state === 'waiting') {
      orThrow(await till.node.cancelSale(sale.sale))
      count('cancelled')
      return undefined
    }
    if (seen?.state !== 'approved') {
      count(`declined: ${seen?.because?.reason}`)
      return undefined
    }
    count('approved')
    const transaction = seen.transaction as string
    approved.set(transaction, { till, phone, amount, revision: till.node.status().revision })
    if (altered.has(phone)) held.add(transaction)
    return transaction
  }

  /** A supervisor lets most of what may be let pass pass, and the phone taps again. */
  const overridden = async (till: Till, phone: string, sale: string): Promise<void> => {
    for (let seen = till.node.saleOf(sale); seen?.state === 'declined' && seen.overridable; ) {
      if (chance.chance(40)) return
      const rule = seen.because?.reason
      count(`declined: ${rule}`)
      orThrow(await till.node.overrideSale(sale, supervisor))
      count(`overridden: ${rule}`)
      await pocket.tap(phone, till.id)
      seen = till.node.saleOf(sale)
    }
  }

  const giveBack = async (transaction: string, kind: 'void' | 'refund', amount: bigint): Promise<void> => {
    const { till } = approved.get(transaction) as Approved
    if (till.gone) return
    const reversal = `r-${givenBack.length + 1}`
    const answer =
      kind === 'void'
        ? await till.node.voidTransaction(reversal, transaction)
        : await till.node.refundTransaction(reversal, transaction, minorUnits(`${amount}`))
    if (isRefusal(answer)) return count(`${kind} refused: ${answer.reason}`)
    count(kind === 'refund' && amount < (approved.get(transaction)?.amount ?? 0n) ? 'refund in part' : kind)
    givenBack.push({ till, reversal, transaction, amount, revision: till.node.status().revision })
  }

  /** At another till of the merchant, by the receipt that the customer kept. */
  const giveBackElsewhere = async (transaction: string, amount: bigint): Promise<void> => {
    const { till } = approved.get(transaction) as Approved
    const other = [...tills.values()].find(
      each => each.merchant === till.merchant && each !== till && !each.gone && each.node.till.day,
    )
    const recorded = till.node.recorded(transaction)
    if (!other || !recorded) return
    const read = other.node.paper.read(till.node.paper.receipt(recorded).code)
    if (isRefusal(read)) return count(`receipt refused: ${read.reason}`)
    const reversal = `r-${givenBack.length + 1}`
    const answer = await other.node.refundTransaction(reversal, transaction, minorUnits(`${amount}`), read)
    if (isRefusal(answer)) return count(`refund refused: ${answer.reason}`)
    count('refund at another till')
    givenBack.push({ till: other, reversal, transaction, amount, revision: other.node.status().revision })
  }

  /** An ordinary sale, and what may come after it. */
  const shopping = (phone: string, id: string, at_ms: number, amount: bigint): void =>
    at(at_ms, async () => {
      const lost = chance.chance(4) ? { exchange: 2 + chance.below(2), heard: chance.chance(50) } : undefined
      const transaction = await tap(phone, id, amount, lost)
      if (transaction === undefined || held.has(transaction)) return
      const lot = chance.below(100)
      if (lot < 3) await giveBack(transaction, 'void', amount)
      else if (lot < 6) {
        const back = chance.chance(50)
          ? () => giveBack(transaction, 'refund', amount)
          : () => giveBackElsewhere(transaction, amount)
        at(clock.at + (1 + chance.below(5)) * day_ms, back)
      } else if (lot < 10) {
        const part = 1n + (amount * BigInt(chance.below(90))) / 100n
        at(clock.at + (1 + chance.below(4)) * day_ms, () => giveBack(transaction, 'refund', part))
        at(clock.at + (2 + chance.below(6)) * day_ms, () => giveBack(transaction, 'refund', amount - part + 1n))
      }
    })

  return { tap, giveBack, shopping }
}

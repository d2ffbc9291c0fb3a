import { readHeld, readKnown } from '#evidence/held'
import type { Currency } from '#money'
import { merchantWords } from '#settlement/merchant'
import { enrolmentWords } from '#sync/events'
import type { Office } from './office.ts'

/** Whose a terminal is, and what that merchant sells in: by the newest word of its enrolment that names a merchant. */
export const merchantOf = ({ store }: Pick<Office, 'store'>) => {
  const known = new Map<string, { readonly merchant: string; readonly currency: Currency }>()

  const currencyOf = async (merchant: string): Promise<Currency> => {
    const { events } = await readKnown(store, `merchant-${merchant}`, merchantWords)
    return events.find(event => event.type === 'MerchantOpened')?.data.currency ?? 'EUR'
  }
  /** As the log has it now. */
  const look = async (terminal: string) => {
    const { events } = await readHeld(store, `enrolment-${terminal}`, enrolmentWords)
    const named = events.findLast(({ data }) => 'merchant' in data)?.data
    if (!named || !('merchant' in named)) return undefined
    const found = { merchant: named.merchant, currency: await currencyOf(named.merchant) }
    known.set(terminal, found)
    return found
  }
  return {
    currencyOf,
    look,
    /** As it was when it was looked at last: for what is said with every batch. */
    recall: async (terminal: string) => known.get(terminal) ?? look(terminal),
  }
}

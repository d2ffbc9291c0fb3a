import { ask } from '../machines/processes.ts'
import { now } from './measure.ts'

/**
 * Cashier and customers of a few terminals, in a process of their own: what the rest of the bench does holds up neither
 * them nor their clock. Over IPC it is told who taps where, taps on one terminal after the other until it is told to
 * stop, and says how long each tap took.
 */

export type Tapping = {
  readonly wallet: string
  readonly tills: readonly { readonly id: string; readonly url: string }[]
  /** Phones in their order, each good for so many taps. */
  readonly phones: readonly string[]
  readonly tapsOfPhone: number
  /** So many taps, or until it is told to stop. */
  readonly taps?: number
}
export type Tapped = { readonly taken_ms: readonly number[] } | { readonly fault: string }

const tapping = async (asked: Tapping, isOver: () => boolean): Promise<number[]> => {
  const { wallet, tills, phones, tapsOfPhone, taps = phones.length * tapsOfPhone } = asked
  const taken: number[] = []
  for (let tap = 0; tap < taps && !isOver(); tap++) {
    const till = tills[tap % tills.length] as (typeof tills)[number]
    const phone = phones[Math.floor(tap / tapsOfPhone)]
    if (phone === undefined) throw new Error(`${phones.length} phones are too few for ${taps} taps`)
    await ask('POST', `${till.url}/api/sales`, { amount: '1.00', currency: 'EUR' })
    const since = now()
    const answer = await ask('POST', `${wallet}/api/phones/${phone}/tap`, { terminal: till.id })
    taken.push(now() - since)
    if (answer['outcome'] !== 'paid') throw new Error(`A tap at ${till.id} is ${JSON.stringify(answer)}`)
  }
  return taken
}

if (process.send) {
  let over = false
  process.on('disconnect', () => process.exit())
  const tell = (told: Tapped): void => void process.send?.(told)
  process.on('message', (message: Tapping | 'stop') => {
    over = message === 'stop'
    if (message !== 'stop')
      tapping(message, () => over).then(
        taken_ms => tell({ taken_ms }),
        (error: unknown) => tell({ fault: (error as Error).message }),
      )
  })
}

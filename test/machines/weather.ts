import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Bad weather on a line: a TCP proxy that cuts, delays, reorders and corrupts what passes, by dice with a seed. */

export type Dice = (bound: number) => number

/** Whole numbers below a bound, which follow from the seed. */
export const dice = (seed: string): Dice => {
  let thrown = 0
  return bound =>
    createHash('sha256').update(`${seed}\n${thrown++}`).digest().readUIntBE(0, 6) % Math.max(1, Math.round(bound))
}

/** In a thousand pieces that pass, as the sockets hand them over. */
export type Rates = { readonly cut: number; readonly delay: number; readonly swap: number; readonly corrupt: number }
type Fault = keyof Rates | 'down'

export type Line = {
  /** Where to connect to instead. */
  readonly port: number
  readonly counts: Readonly<Record<Fault | 'passed', number>>
  /** Nobody gets through, and who was through is cut, until `up`. */
  down(): void
  up(): void
  /** No more faults from now on. */
  heal(): void
  close(): Promise<void>
}

const delay_ms = 250
/** A piece that is held back goes on after the next, or after this time where none comes. */
const held_ms = 40

export const badLine = async (to: number, roll: Dice, rates: Rates): Promise<Line> => {
  const counts = { passed: 0, cut: 0, delay: 0, swap: 0, corrupt: 0, down: 0 }
  const open = new Set<Socket>()
  let isDown = false
  let isHealed = false

  const fault = (): keyof Rates | undefined => {
    if (isHealed) return undefined
    let thrown = roll(1000)
    for (const [name, rate] of Object.entries(rates) as [keyof Rates, number][]) {
      if (thrown < rate) return name
      thrown -= rate
    }
    return undefined
  }

  const pass = (from: Socket, on: Socket): void => {
    let before: Promise<unknown> = Promise.resolve()
    let held: Buffer | undefined
    const write = (piece: Buffer): void => {
      if (on.writable) on.write(piece)
    }
    const letGo = (): void => {
      if (held) write(held)
      held = undefined
    }
    const one = async (piece: Buffer): Promise<void> => {
      const found = fault()
      counts[found ?? 'passed']++
      if (found === 'cut') {
        // A part of it may have gone out.
        write(piece.subarray(0, roll(piece.length)))
        from.destroy()
        on.destroy()
        return
      }
      if (found === 'delay') await new Promise(resolve => setTimeout(resolve, 1 + roll(delay_ms)))
      if (found === 'corrupt') {
        const at = roll(piece.length)
        piece[at] = (piece[at] as number) ^ (1 << roll(8))
      }
      if (found === 'swap' && !held) {
        held = piece
        setTimeout(letGo, held_ms)
        return
      }
      write(piece)
      letGo()
    }
    from.on('data', piece => {
      before = before.then(() => one(Buffer.from(piece)))
    })
    from.on('end', () => {
      void before.then(() => {
        letGo()
        on.end()
      })
    })
  }

  const server = createServer({ allowHalfOpen: true }, near => {
    if (isDown) {
      counts.down++
      near.on('error', () => {})
      near.resetAndDestroy()
      return
    }
    const far = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true })
    for (const [each, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(each)
      each.setNoDelay(true)
      each.on('error', () => {})
      each.on('close', () => {
        open.delete(each)
        other.destroy()
      })
    }
    pass(near, far)
    pass(far, near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cutAll = (): void => {
    for (const each of open) each.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    counts,
    down: () => {
      isDown = true
      cutAll()
    },
    up: () => {
      isDown = false
    },
    heal: () => {
      isHealed = true
      isDown = false
    },
    close: async () => {
      cutAll()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

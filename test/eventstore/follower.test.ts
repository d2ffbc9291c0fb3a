import { describe, expect, it } from 'vitest'
import type { EventStore } from '#eventstore'
import {
  type FollowerStopped,
  noSkips,
  type Progress,
  project,
  react,
  type Skip,
  type Skips,
  type Standing,
} from '#eventstore/follower'
import { memoryStore } from '#eventstore/memory'
import { memoryRows } from '#eventstore/memory/rows'
import { moved, type Projection, type Rows } from '#eventstore/rows'
import { crypto, writer } from '../trade.ts'
import { boxWords } from './log.ts'

const at = '2026-11-23T10:00:00.000Z'
const put = (box: string, amount: string) => ({ type: 'Put', data: { box, amount } })

const sumOf = (name: string, parsed?: string[]): Projection => ({
  name,
  version: 1,
  tables: [{ name: 'box', key: ['box'], columns: { box: 'text', amount: 'int' } }],
  wants: type => type === 'Put',
  apply: event => {
    parsed?.push(event.type)
    const { box, amount } = event.data as { box: string; amount: string }
    if (name === 'careful' && amount === '13') throw new Error('thirteen')
    const by = { amount: BigInt(amount) }
    return [{ table: 'box', key: [box], change: row => moved(row ?? { box, amount: 0n }, by) }]
  },
})

/** Runs followers until each has seen all that is committed. */
const settle = async (run: (signal: AbortSignal, onProgress: (progress: Progress) => void) => Promise<void>) => {
  const stop = new AbortController()
  const seen: Progress[] = []
  await run(stop.signal, progress => {
    seen.push(progress)
    if (progress.caughtUp) stop.abort()
  })
  return seen
}

const storeWith = async (...amounts: string[]) => {
  const store = memoryStore(() => at)
  const write = writer(store, boxWords)
  for (const [place, amount] of amounts.entries()) {
    await write(`box-${place % 3}`, at, put(`${place % 3}`, amount), { type: 'Painted', data: { box: 'x' } })
  }
  return { store, write }
}

const amounts = async (rows: Rows, projection: Projection) =>
  (await rows.select(projection, 'box')).map(row => row['amount'])

describe('projectors', () => {
  it('share one read of the log, and parse what somebody wants', async () => {
    const { store } = await storeWith('1', '2', '3', '4')
    const rows = memoryRows()
    const parsed: string[] = []
    const [one, other] = [sumOf('one', parsed), sumOf('other')]
    let reads = 0
    const counted = { follow: (options: Parameters<typeof store.follow>[0]) => (reads++, store.follow(options)) }
    const seen = await settle((signal, onProgress) =>
      project({ store: counted, rows, projections: [one, other], skips: noSkips, signal, pageSize: 3, onProgress }),
    )
    expect(reads).toBe(1)
    expect(parsed).toEqual(['Put', 'Put', 'Put', 'Put'])
    expect(await amounts(rows, one)).toEqual([5n, 2n, 3n])
    expect(await amounts(rows, other)).toEqual([5n, 2n, 3n])
    expect(seen.map(({ next }) => next)).toEqual([3, 6, 8, 8])
    expect(await rows.checkpoint(one)).toBe(8)
  })

  it('follow what comes later', async () => {
    const { store, write } = await storeWith('1')
    const rows = memoryRows()
    const projection = sumOf('one')
    const stop = new AbortController()
    let caughtUp = 0
    await project({
      store,
      rows,
      projections: [projection],
      skips: noSkips,
      signal: stop.signal,
      onProgress: progress => {
        if (!progress.caughtUp) return
        caughtUp += 1
        if (caughtUp === 1) void write('box-0', at, put('0', '41'))
        else stop.abort()
      },
    })
    expect(await amounts(rows, projection)).toEqual([42n])
  })

  it('a new projection starts at the beginning beside one that is up to date', async () => {
    const { store } = await storeWith('1', '2')
    const rows = memoryRows()
    const [old, young] = [sumOf('old'), sumOf('young')]
    await settle((signal, onProgress) =>
      project({ store, rows, projections: [old], skips: noSkips, signal, onProgress }),
    )
    await settle((signal, onProgress) =>
      project({ store, rows, projections: [old, young], skips: noSkips, signal, onProgress }),
    )
    expect(await amounts(rows, old)).toEqual([1n, 2n])
    expect(await amounts(rows, young)).toEqual([1n, 2n])
  })

  it('one that meets an event it cannot fold stops, says which and why, and the others go on', async () => {
    const { store } = await storeWith('1', '13', '5')
    const rows = memoryRows()
    const [careful, bold] = [sumOf('careful'), sumOf('bold')]
    const stopped: FollowerStopped[] = []
    await settle((signal, onProgress) =>
      project({
        store,
        rows,
        projections: [careful, bold],
        skips: noSkips,
        signal,
        onProgress,
        pageSize: 2,
        onStopped: fault => stopped.push(fault),
      }),
    )
    expect(await amounts(rows, bold)).toEqual([1n, 13n, 5n])
    expect(await amounts(rows, careful)).toEqual([1n])
    expect(stopped).toEqual([
      expect.objectContaining({
        code: 'FollowerStopped',
        follower: 'careful',
        next: 2,
        event: expect.objectContaining({ index: 2, type: 'Put' }),
        message: expect.stringContaining('thirteen'),
      }),
    ])
  })

  it('the last one to stop ends the following', async () => {
    const { store } = await storeWith('13')
    const signal = new AbortController().signal
    await project({ store, rows: memoryRows(), projections: [sumOf('careful')], skips: noSkips, signal })
  })

  it('two at once on the same rows, with pages of other sizes, fold each event once', async () => {
    const { store } = await storeWith(...Array.from({ length: 100 }, (_, place) => `${place}`))
    const rows = memoryRows()
    const projection = sumOf('one')
    await Promise.all(
      [3, 7].map(pageSize =>
        settle((signal, onProgress) =>
          project({ store, rows, projections: [projection], skips: noSkips, signal, pageSize, onProgress }),
        ),
      ),
    )
    const alone = memoryRows()
    await settle((signal, onProgress) =>
      project({ store, rows: alone, projections: [projection], skips: noSkips, signal, onProgress }),
    )
    expect(await rows.fingerprint(projection, crypto)).toBe(await alone.fingerprint(projection, crypto))
    expect((await amounts(rows, projection)).reduce<bigint>((sum, each) => sum + (each as bigint), 0n)).toBe(4950n)
  })

  it('rows thrown away by another hand while it follows are folded again', async () => {
    const { store, write } = await storeWith('1', '2')
    const rows = memoryRows()
    const projection = sumOf('one')
    const stop = new AbortController()
    let caughtUp = 0
    await project({
      store,
      rows,
      projections: [projection],
      skips: noSkips,
      signal: stop.signal,
      onProgress: progress => {
        if (!progress.caughtUp) return
        caughtUp += 1
        if (caughtUp === 1) {
          void rows.reset(projection)
          void write('box-0', at, put('0', '10'))
        } else stop.abort()
      },
    })
    expect(await amounts(rows, projection)).toEqual([11n, 2n])
  })
})

describe('reactors', () => {
  const kept = (from = 0) => {
    const writes: number[] = []
    return { writes, read: () => from, write: (next: number) => void writes.push(next) }
  }

  it('get each wanted event in order, and keep how far they are after it', async () => {
    const { store } = await storeWith('1', '2', '3')
    const checkpoint = kept()
    const handled: number[] = []
    const wants = (type: string) => type === 'Put'
    const handle = async ({ index }: { index: number }) => {
      expect(checkpoint.writes).toHaveLength(handled.length)
      handled.push(index)
    }
    await settle((signal, onProgress) =>
      react({ store, name: 'r', checkpoint, skips: noSkips, wants, handle, signal, onProgress }),
    )
    expect(handled).toEqual([0, 2, 4])
    expect(checkpoint.writes).toEqual([1, 3, 5])
  })

  it('go on from their checkpoint', async () => {
    const { store } = await storeWith('1', '2', '3')
    const handled: number[] = []
    const handle = async ({ index }: { index: number }) => void handled.push(index)
    await settle((signal, onProgress) =>
      react({
        store,
        name: 'r',
        checkpoint: kept(3),
        skips: noSkips,
        wants: type => type === 'Put',
        handle,
        signal,
        onProgress,
      }),
    )
    expect(handled).toEqual([4])
  })

  it('stop at an event that they cannot handle, and get it again', async () => {
    const { store } = await storeWith('1', '2', '3')
    const checkpoint = kept()
    const handle = async ({ index }: { index: number }) => {
      if (index === 2) throw new Error('the disk is full')
    }
    const signal = new AbortController().signal
    await expect(
      react({ store, name: 'verdicts', checkpoint, skips: noSkips, wants: type => type === 'Put', handle, signal }),
    ).rejects.toMatchObject({
      code: 'FollowerStopped',
      follower: 'verdicts',
      event: { index: 2, type: 'Put' },
      message: expect.stringContaining('the disk is full'),
    })
    expect(checkpoint.writes).toEqual([1])
  })

  it('events that nobody wants move the checkpoint now and then', async () => {
    const { store } = await storeWith(...Array.from({ length: 600 }, () => '1'))
    const checkpoint = kept()
    await settle((signal, onProgress) =>
      react({
        store,
        name: 'r',
        checkpoint,
        skips: noSkips,
        wants: () => false,
        handle: async () => {},
        signal,
        onProgress,
      }),
    )
    expect(checkpoint.writes).toEqual([1000])
  })
})

/** Orders as a log might have them: a Painted box named `skip`, whose colour says which follower and index. */
const ordersIn = (store: EventStore): Skips => {
  const orderIn: Skips['in'] = ({ type, text, index: said }) => {
    const { box } = (JSON.parse(text) as { data: { box: string } }).data
    const [word, follower = '', index = ''] = box.split(' ')
    return type === 'Painted' && word === 'skip' ? { follower, index: Number(index), said } : undefined
  }
  return {
    in: orderIn,
    of: async follower => {
      const orders: Skip[] = []
      for await (const page of store.readAll({ from: 0 }))
        for (const event of page) {
          const order = orderIn(event)
          if (order?.follower === follower) orders.push(order)
        }
      return orders
    },
  }
}

describe('an order to pass over an event', () => {
  const scene = async () => {
    const { store, write } = await storeWith('1', '13', '5')
    const rows = memoryRows()
    const careful = sumOf('careful')
    const bold = sumOf('bold')
    const order = (follower: string, index: number) =>
      write('orders', at, { type: 'Painted', data: { box: `skip ${follower} ${index}` } })
    const follow = (projection: Projection, pageSize = 2, onStopped?: (fault: FollowerStopped) => void) =>
      settle((signal, onProgress) =>
        project({
          store,
          rows,
          projections: [projection, sumOf('beside')],
          skips: ordersIn(store),
          signal,
          pageSize,
          onProgress,
          ...(onStopped ? { onStopped } : {}),
        }),
      )
    return { store, rows, careful, bold, order, follow, write }
  }

  it('lets a stopped projector go on, without it and with all others', async () => {
    const { rows, careful, order, follow } = await scene()
    const faults: FollowerStopped[] = []
    await follow(careful, 2, fault => faults.push(fault))
    expect(faults).toMatchObject([{ event: { index: 2 } }])
    await order('careful', 2)
    await follow(careful)
    expect(await amounts(rows, careful)).toEqual([1n, 5n])
  })

  it('is obeyed by every fold after, in pages of any size', async () => {
    const { store, rows, careful, order, follow } = await scene()
    await follow(careful, 2, () => {})
    await order('careful', 2)
    for (const pageSize of [1, 2, 100]) {
      await rows.reset(careful)
      await follow(careful, pageSize)
      expect(await amounts(rows, careful)).toEqual([1n, 5n])
    }
    expect(store.events).toHaveLength(7)
  })

  it('is for nobody else', async () => {
    const { rows, bold, order, follow } = await scene()
    await order('careful', 2)
    await follow(bold)
    expect(await amounts(rows, bold)).toEqual([1n, 13n, 5n])
  })

  it('of what a node has folded already has its rows folded anew, though it never stopped', async () => {
    const { store, rows, bold, order } = await scene()
    const stop = new AbortController()
    let caughtUp = 0
    await project({
      store,
      rows,
      projections: [bold],
      skips: ordersIn(store),
      signal: stop.signal,
      onProgress: progress => {
        if (!progress.caughtUp) return
        caughtUp += 1
        if (caughtUp === 1) {
          void order('bold', 2)
        } else stop.abort()
      },
    })
    expect(await amounts(rows, bold)).toEqual([1n, 5n])
  })

  it('that came while a node was down is obeyed at its start', async () => {
    const { rows, bold, order, follow } = await scene()
    await follow(bold)
    expect(await amounts(rows, bold)).toEqual([1n, 13n, 5n])
    await order('bold', 2)
    await follow(bold)
    expect(await amounts(rows, bold)).toEqual([1n, 5n])
  })

  it('costs no second fold once the rows are beyond it', async () => {
    const { rows, careful, order, follow } = await scene()
    await follow(careful, 2, () => {})
    await order('careful', 2)
    await follow(careful)
    let resets = 0
    const counted: Rows = { ...rows, reset: projection => (resets++, rows.reset(projection)) }
    const { store } = await scene()
    await settle((signal, onProgress) =>
      project({ store, rows: counted, projections: [careful], skips: noSkips, signal, onProgress }),
    )
    expect(resets).toBe(0)
  })

  it('has a reactor pass over it, and get all others', async () => {
    const { store, write } = await storeWith('1', '13', '5')
    const handled: number[] = []
    const run = () =>
      settle((signal, onProgress) =>
        react({
          store,
          name: 'r',
          checkpoint: { read: () => 0, write: () => {} },
          skips: ordersIn(store),
          wants: type => type === 'Put',
          handle: async ({ index, data }) => {
            if ((data as { amount: string }).amount === '13') throw new Error('thirteen')
            handled.push(index)
          },
          signal,
          onProgress,
        }),
      )
    await expect(run()).rejects.toMatchObject({ event: { index: 2 } })
    await write('orders', at, { type: 'Painted', data: { box: 'skip r 2' } })
    await run()
    expect(handled).toEqual([0, 0, 4])
  })
})

describe('several followers in one process', () => {
  it('a slow reactor holds up no projector, though nothing that it does waits', async () => {
    const { store } = await storeWith(...Array.from({ length: 300 }, () => '1'))
    const rows = memoryRows()
    const projection = sumOf('one')
    const stop = new AbortController()
    let handled = 0
    const reacting = react({
      store,
      name: 'slow',
      checkpoint: { read: () => 0, write: () => {} },
      skips: noSkips,
      wants: type => type === 'Put',
      handle: async () => {
        // Busy and never waiting, as checking signatures is.
        const until = performance.now() + 3
        while (performance.now() < until);
        handled += 1
      },
      signal: stop.signal,
    })
    await settle((signal, onProgress) =>
      project({ store, rows, projections: [projection], skips: noSkips, signal, pageSize: 100, onProgress }),
    )
    expect(await amounts(rows, projection)).toEqual([100n, 100n, 100n])
    // 600 events in six pages: the projector had its turns between a few events of the reactor, not after them all.
    expect(handled).toBeGreaterThan(0)
    expect(handled).toBeLessThan(60)
    stop.abort()
    await reacting
  })

  it('each tells where it stands, and since when something waits before it', async () => {
    const { store } = await storeWith('1', '13', '5')
    const seen: [string, Standing][] = []
    await settle((signal, onProgress) =>
      project({
        store,
        rows: memoryRows(),
        projections: [sumOf('careful'), sumOf('bold')],
        skips: noSkips,
        signal,
        pageSize: 2,
        onProgress,
        onStopped: () => {},
        onStanding: (name, standing) => seen.push([name, standing]),
      }),
    )
    const last = (name: string) => seen.findLast(([each]) => each === name)?.[1]
    expect(last('bold')).toEqual({ next: 6, waitingSince: undefined })
    expect(last('careful')).toEqual({ next: 2, waitingSince: at })
  })
})

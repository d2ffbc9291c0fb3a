import { describe, expect, it } from 'vitest'
import { type FollowerStopped, type Progress, project, react } from '#eventstore/follower'
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
      project({ store: counted, rows, projections: [one, other], signal, pageSize: 3, onProgress }),
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
    await settle((signal, onProgress) => project({ store, rows, projections: [old], signal, onProgress }))
    await settle((signal, onProgress) => project({ store, rows, projections: [old, young], signal, onProgress }))
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
    await project({ store, rows: memoryRows(), projections: [sumOf('careful')], signal })
  })

  it('two at once on the same rows, with pages of other sizes, fold each event once', async () => {
    const { store } = await storeWith(...Array.from({ length: 100 }, (_, place) => `${place}`))
    const rows = memoryRows()
    const projection = sumOf('one')
    await Promise.all(
      [3, 7].map(pageSize =>
        settle((signal, onProgress) =>
          project({ store, rows, projections: [projection], signal, pageSize, onProgress }),
        ),
      ),
    )
    const alone = memoryRows()
    await settle((signal, onProgress) => project({ store, rows: alone, projections: [projection], signal, onProgress }))
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
    await settle((signal, onProgress) => react({ store, name: 'r', checkpoint, wants, handle, signal, onProgress }))
    expect(handled).toEqual([0, 2, 4])
    expect(checkpoint.writes).toEqual([1, 3, 5])
  })

  it('go on from their checkpoint', async () => {
    const { store } = await storeWith('1', '2', '3')
    const handled: number[] = []
    const handle = async ({ index }: { index: number }) => void handled.push(index)
    await settle((signal, onProgress) =>
      react({ store, name: 'r', checkpoint: kept(3), wants: type => type === 'Put', handle, signal, onProgress }),
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
      react({ store, name: 'verdicts', checkpoint, wants: type => type === 'Put', handle, signal }),
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
      react({ store, name: 'r', checkpoint, wants: () => false, handle: async () => {}, signal, onProgress }),
    )
    expect(checkpoint.writes).toEqual([1000])
  })
})

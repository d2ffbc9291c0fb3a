import { fork } from 'node:child_process'
import { type Report, type Simulation, simulate } from './simulate.ts'

/** Worlds in several processes at once: each is handed the next seed when it has done with the last. */
type Told = { readonly report: Report } | { readonly fault: string }

/** In reports of worlds that hold, a trace tells nobody anything. */
const brief = (report: Report): Report => (report.breaches.length > 0 ? report : { ...report, trace: [] })

export const simulateAll = async (
  worlds: readonly Simulation[],
  workers: number,
  told: (report: Report, world: Simulation) => void,
): Promise<void> => {
  if (workers <= 1 || worlds.length <= 1) {
    let at: Simulation | undefined
    // Node ends by itself, with this code, where everybody waits for somebody.
    const ended = (code: number): void => {
      if (code === 13) process.stderr.write(`seed ${at?.seed}: nothing moves any more, and somebody waits.\n`)
    }
    process.once('exit', ended)
    for (const world of worlds) {
      at = world
      told(brief(await simulate(world)), world)
    }
    process.off('exit', ended)
    return
  }
  let next = 0
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(import.meta.filename, ['worker'], { execArgv: process.execArgv })
      let world: Simulation | undefined
      const hand = (): void => {
        world = worlds[next++]
        if (world) child.send(world)
        else child.disconnect()
      }
      child.on('message', (answer: Told) => {
        if ('fault' in answer) return reject(new Error(answer.fault))
        told(answer.report, world as Simulation)
        hand()
      })
      child.on('exit', code =>
        code === 0 ? resolve() : reject(new Error(`A worker ended with ${code} at seed ${world?.seed}`)),
      )
      hand()
    })
  await Promise.all(Array.from({ length: Math.min(workers, worlds.length) }, work))
}

if (process.argv[1] === import.meta.filename && process.argv[2] === 'worker')
  process.on('message', (world: Simulation) => {
    const answer = (told: Told): void => void process.send?.(told)
    simulate(world).then(
      report => answer({ report: brief(report) }),
      (error: Error) => answer({ fault: error.stack ?? error.message }),
    )
  })

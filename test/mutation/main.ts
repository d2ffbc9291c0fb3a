import { type ChildProcess, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Mutant, mutantsOf } from './points.ts'
import { survivors } from './survivors.ts'
import type { Job, Verdict } from './worker.ts'

/**
 * `npm run test:mutants`: machine-made changes of meaning in what decides over money, each run against the tests. One
 * that no test notices is either listed in `survivors.ts` with a reason, or a test is missing.
 */

const root = join(import.meta.dirname, '../..')
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    /** Only mutants of files whose path holds this. */
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})

/** Of each: the tests that are its own, then those that its neighbours have, then the trade as a whole. */
const neighbours: Readonly<Record<string, readonly string[]>> = {
  till: ['test/terminal/', 'test/tap/'],
  account: ['test/back-office/', 'test/evidence/'],
  payment: ['test/evidence/', 'test/adjustment/'],
  ledger: ['test/payment/', 'test/projections/'],
  sync: ['test/terminal/', 'test/back-office/'],
}
const trade = ['test/evidence/', 'test/projections/', 'test/scenarios/', 'test/upgrades/', 'test/hostile/']
const stagesOf = (lib: string): string[][] => [
  [`test/${lib}/`],
  [...(neighbours[lib] ?? [])],
  trade.filter(each => !neighbours[lib]?.includes(each)),
  ['test/tally/', 'test/reconciliation/', 'test/settlement/', 'test/simulation/'],
]

/* ---- which */

/** Whole numbers below a bound, by a seed: the same run twice is the same mutants. */
const dice = (seed: number) => {
  let state = BigInt(seed) * 0x9e3779b97f4a7c15n + 1n
  return (bound: number): number => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
    return Number((state >> 33n) % BigInt(bound))
  }
}
const picked = (): { readonly lib: string; readonly mutant: Mutant }[] => {
  const roll = dice(Number(values.seed))
  const libs = Object.keys(neighbours)
  const left = new Map(
    libs.map(lib => [
      lib,
      readdirSync(join(root, 'libs', lib))
        .filter(name => name.endsWith('.ts'))
        .map(name => `libs/${lib}/${name}`)
        .filter(file => file.includes(values.only))
        .flatMap(file => mutantsOf(file, readFileSync(join(root, file), 'utf8')))
        // Words are many, and easily missed by a test: of all but the book, which is made of them, each fifth.
        .filter(({ was }, place) => lib === 'ledger' || !was.startsWith("'") || place % 5 === 0),
    ]),
  )
  const chosen: { lib: string; mutant: Mutant }[] = []
  // From each in turn, so that a small one is looked at as hard as a large one.
  while (chosen.length < Number(values.count) && [...left.values()].some(({ length }) => length > 0))
    for (const [lib, those] of left) {
      if (those.length === 0 || chosen.length === Number(values.count)) continue
      const [mutant] = those.splice(roll(those.length), 1)
      if (mutant) chosen.push({ lib, mutant })
    }
  return chosen
}

/* ---- how */

const patience_ms = 300_000

/** A child that runs tests; one that does not come back within its time has met an endless loop, which kills as well. */
const runner = () => {
  let child: ChildProcess | undefined
  const started = async (): Promise<ChildProcess> => {
    if (child) return child
    const made = fork(join(import.meta.dirname, 'worker.ts'), {
      cwd: root,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    await new Promise<void>((resolve, reject) => {
      made.once('message', () => resolve())
      made.once('exit', code => reject(new Error(`The runner of the tests ended with ${code}`)))
    })
    child = made
    return made
  }
  const end = (): void => {
    child?.kill('SIGKILL')
    child = undefined
  }
  const run = async (job: Job): Promise<Verdict> => {
    const to = await started()
    return new Promise(resolve => {
      const settle = (verdict: Verdict): void => {
        clearTimeout(timer)
        to.off('exit', ended)
        to.off('message', settle)
        resolve(verdict)
      }
      const ended = (): void => {
        end()
        settle({ killedBy: 'the tests did not come back', ran: 0 })
      }
      const timer = setTimeout(ended, patience_ms)
      to.once('exit', ended)
      to.once('message', settle)
      to.send(job)
    })
  }
  return { run, end }
}

type Fate = { readonly mutant: Mutant; readonly killedBy: string | undefined; readonly reason: string | undefined }
const inWords = ({ file, line, was, is }: Mutant): string =>
  `${file}:${line} ${JSON.stringify(was.replaceAll(/\s+/g, ' ').slice(0, 60))} as ${JSON.stringify(is.replaceAll(/\s+/g, ' ').slice(0, 60))}`

const say = (line: string): void => void (values.json || process.stdout.write(`${line}\n`))

const all = picked()
const fates: Fate[] = []
const began = performance.now()
let next = 0
const work = async (): Promise<void> => {
  const { run, end } = runner()
  for (let place = next++; place < all.length; place = next++) {
    const { lib, mutant } = all[place] as (typeof all)[number]
    let killedBy: string | undefined
    for (const tests of stagesOf(lib)) {
      killedBy = (await run({ mutant, tests })).killedBy
      if (killedBy) break
    }
    const reason = killedBy
      ? undefined
      : survivors.find(
          ({ file, was, is, line }) =>
            file === mutant.file && was === mutant.was && is === mutant.is && lineOf(mutant).includes(line),
        )?.reason
    fates.push({ mutant, killedBy, reason })
    const minutes = ((performance.now() - began) / 60_000).toFixed(1)
    say(
      `${fates.length}/${all.length} ${minutes} min  ${killedBy ? 'killed' : reason ? 'listed' : 'SURVIVED'}  ${inWords(mutant)}${killedBy ? `  by ${killedBy.slice(0, 120)}` : ''}`,
    )
  }
  end()
}
const lineOf = ({ file, line }: Mutant): string => readFileSync(join(root, file), 'utf8').split('\n')[line - 1] ?? ''

// Tests that fail by themselves would kill every mutant: they pass before, and they pass after.
const isSound = async (): Promise<void> => {
  const sound = runner()
  for (const tests of [...new Set(Object.keys(neighbours).flatMap(stagesOf).flat())]) {
    const { killedBy, ran } = await sound.run({ mutant: undefined, tests: [tests] })
    if (killedBy || ran === 0) {
      process.stderr.write(`Without any mutant ${tests} has ${killedBy ?? 'no tests'}: nothing can be told.\n`)
      process.exit(2)
    }
  }
  sound.end()
}
await isSound()
say(`sound in ${((performance.now() - began) / 60_000).toFixed(1)} min`)
await Promise.all(Array.from({ length: Number(values.workers) }, work))
await isSound()

const killed = fates.filter(({ killedBy }) => killedBy).length
const unlisted = fates.filter(({ killedBy, reason }) => !killedBy && !reason)
const share = fates.length === 0 ? 0 : killed / fates.length
if (values.json) {
  const told = fates.map(({ mutant, killedBy, reason }) => ({ ...mutant, killedBy, reason }))
  process.stdout.write(`${JSON.stringify({ seed: values.seed, mutants: fates.length, killed, share, fates: told })}\n`)
} else {
  say(
    `${fates.length} mutants, ${killed} killed (${(share * 100).toFixed(1)} %), ${unlisted.length} survivors without a reason`,
  )
  for (const { mutant } of unlisted) say(`  ${inWords(mutant)}`)
}
process.exit(share >= 0.9 && unlisted.length === 0 ? 0 : 1)

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultServerConditions } from 'vite'
import { createVitest, type Reporter } from 'vitest/node'
import { type Mutant, mutated } from './points.ts'

/** Runs tests with one source changed as it is loaded; the tree stays as it is. One mutant after the other is sent here. */
export type Job = { readonly mutant: Mutant | undefined; readonly tests: readonly string[] }
export type Verdict = { readonly killedBy: string | undefined; readonly ran: number }

const conditions = ['source', ...defaultServerConditions]
const root = join(import.meta.dirname, '../..')
let now: Mutant | undefined

let killedBy: string | undefined
let ran = 0
/** What is heard in this run alone: what Vitest remembers is of earlier ones, too. */
const heard: Reporter = {
  onTestCaseResult: test => {
    const { state } = test.result()
    if (state !== 'skipped') ran++
    if (state === 'failed') killedBy ??= `${test.module.relativeModuleId}: ${test.fullName}`
  },
  onTestModuleEnd: module => {
    if (module.state() === 'failed') killedBy ??= module.relativeModuleId
  },
}

const vitest = await createVitest(
  {
    root,
    config: false,
    watch: false,
    include: ['test/**/*.test.ts'],
    exclude: ['test/machines/**', 'test/browser/**'],
    isolate: false,
    // What is kept on disk is not transformed again, and a mutant is a transform.
    fsModuleCache: false,
    testTimeout: 20_000,
    bail: 1,
    reporters: [heard],
  },
  {
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    plugins: [
      {
        name: 'mutant',
        enforce: 'pre',
        transform: (_: string, id: string) =>
          now && id.split('?')[0] === join(root, now.file)
            ? { code: mutated(readFileSync(join(root, now.file), 'utf8'), now), map: null }
            : undefined,
      },
    ],
  },
)

const run = async ({ mutant, tests }: Job): Promise<Verdict> => {
  now = mutant
  if (mutant) vitest.invalidateFile(join(root, mutant.file))
  const specifications = (await vitest.globTestSpecifications([...tests])).filter(
    // A mutant would not pass these for what it is: they read the sources as text, or how long things take.
    ({ moduleId }) => !moduleId.endsWith('test/house.test.ts'),
  )
  killedBy = undefined
  ran = 0
  const { unhandledErrors } = await vitest.runTestSpecifications(specifications)
  if (unhandledErrors.length > 0) killedBy ??= String(unhandledErrors[0])
  if (mutant) {
    now = undefined
    vitest.invalidateFile(join(root, mutant.file))
  }
  return { killedBy, ran }
}

process.on('message', (job: Job) => {
  void run(job).then(
    verdict => process.send?.(verdict),
    (error: unknown) => process.send?.({ killedBy: String(error), ran: 0 } satisfies Verdict),
  )
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')

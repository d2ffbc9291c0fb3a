import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const project = join(import.meta.dirname, '..', '..')

/** A process of its own, in which much lives for a while as it does when modules load: how large its young heap became. */
const youngHeap_MB = (told: string): number => {
  const program = `
    import { getHeapSpaceStatistics } from 'node:v8'
    import { smallHeap, steadyHeap } from '#machine/heap'
    ${told}
    let most = 0
    for (let round = 0; round < 40; round++) {
      const kept = []
      for (let each = 0; each < 40_000; each++) kept.push({ each, text: 'n' + each })
      const { space_size } = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
      most = Math.max(most, space_size)
    }
    process.stdout.write(String(most))
  `
  const flags = ['--conditions=source', '--experimental-transform-types', '--disable-warning=ExperimentalWarning']
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '--eval', program], {
    cwd: project,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return Number(stdout) / 2 ** 20
}

it('a process that is told to be steady keeps its young heap small, as one that is told to be small does', () => {
  // How far it gets by itself depends on what else the machine does: it is held against that.
  const untold = youngHeap_MB('')
  expect(untold).toBeGreaterThan(15)
  expect(youngHeap_MB('steadyHeap()')).toBeLessThan(untold / 2)
  expect(youngHeap_MB('smallHeap()')).toBeLessThan(untold / 2)
})

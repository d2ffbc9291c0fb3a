import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { base64url } from '#canonical/bytes'
import { isRefusal } from '#canonical/decider'
import { uuid7 } from '#canonical/ids'
import { run } from '#cqrs/run'
import { openStore } from '#eventstore/open'
import { readKnown } from '#evidence/held'
import { nodeCrypto } from '#machine/crypto'
import { operator as decider, type OperatorCommand, operatorWords } from '#operator'
import { operator } from '../../apps/tally/operator.ts'

/** Two nodes, asked at the same moment, have suspended both administrators: nobody is left to reinstate either. */
let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tally-operator-'))
  await decide({ type: 'AddOperator', operator: 'ada', role: 'administrator' })
  await decide({ type: 'SuspendOperator', operator: 'ada', reason: 'asked elsewhere too', administrators: 1 })
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

const crypto = nodeCrypto()
const opened = () => openStore(`sqlite:${join(folder, 'log.sqlite')}`, () => new Date().toISOString())
const decide = async (command: OperatorCommand): Promise<void> => {
  const store = await opened()
  const id = uuid7(Date.now(), crypto.random(16))
  const act = { id, at: new Date().toISOString(), by: 'operator:eve', correlation: id, causation: id }
  const runner = { store, crypto, salt: () => base64url(crypto.random(16)) }
  const ran = await run(runner, decider, operatorWords, `operator-${command.operator}`, command, act)
  await store.close()
  if (isRefusal(ran)) throw new Error(ran.message)
}
const adas = async () => {
  const store = await opened()
  const { events } = await readKnown(store, 'operator-ada', operatorWords)
  await store.close()
  return events
}
const tally = async (...args: string[]): Promise<string> => {
  const out: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation(text => out.push(text.toString()) > 0)
  expect(await operator([...args, '--data', folder])).toBe(0)
  vi.restoreAllMocks()
  return out.join('')
}

it('a suspended administrator is reinstated by whoever holds the folder, and the log says from where', async () => {
  await expect(operator(['password', 'ada', '--data', folder])).rejects.toThrow('reinstate ada first')
  expect(await tally('reinstate', 'ada')).toBe('ada may sign in again, in the same role and with the same password\n')
  expect((await adas()).at(-1)).toMatchObject({
    type: 'OperatorReinstated',
    data: { operator: 'ada', reason: 'reinstated at the command line of the centre' },
    by: 'centre:command-line',
  })
  expect(await tally('password', 'ada')).toMatch(/^ada signs in once with \S+ and chooses another/)
})

it('who lost the role has it again from the command line, and is told what else is in the way', async () => {
  await decide({ type: 'SetOperatorRole', operator: 'ada', role: 'viewer', administrators: 1 })
  expect(await tally('role', 'ada', 'administrator')).toBe(
    'ada is administrator\nada is suspended: reinstate ada as well, by operator reinstate ada\n',
  )
  expect((await adas()).at(-1)).toMatchObject({
    type: 'OperatorRoleSet',
    data: { operator: 'ada', role: 'administrator' },
    by: 'centre:command-line',
  })
  await tally('reinstate', 'ada')
  const before = (await adas()).length
  expect(await tally('role', 'ada', 'administrator')).toBe('ada is administrator already: nothing was written\n')
  expect(await adas()).toHaveLength(before)
})

it('the command line gives no other role, and none to nobody', async () => {
  await expect(operator(['role', 'ada', 'viewer', '--data', folder])).rejects.toThrow('role NAME administrator')
  await expect(operator(['role', 'ada', '--data', folder])).rejects.toThrow('role NAME administrator')
  await expect(operator(['role', 'eva', 'administrator', '--data', folder])).rejects.toThrow('No operator eva')
})

it('who is not suspended stays so, and nothing is written', async () => {
  await tally('reinstate', 'ada')
  const before = (await adas()).length
  expect(JSON.parse(await tally('reinstate', 'ada', '--json'))).toEqual({ operator: 'ada', reinstated: false })
  expect(await adas()).toHaveLength(before)
})

it('nobody is made up, and no other word is taken', async () => {
  await expect(operator(['reinstate', 'eva', '--data', folder])).rejects.toThrow('No operator eva was added here')
  await expect(operator(['reinstate', '../ada', '--data', folder])).rejects.toThrow('no operator’s id')
  await expect(operator(['promote', 'ada', '--data', folder])).rejects.toThrow('reinstate NAME')
})

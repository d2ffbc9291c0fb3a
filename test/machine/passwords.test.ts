import { expect, it } from 'vitest'
import { argon2Passwords, PasswordsBusy } from '#machine/passwords'

const passwords = argon2Passwords()

it('a password opens its own hash, another does not, and no two hashes are alike', async () => {
  const [one, two] = [await passwords.hash('correct horse'), await passwords.hash('correct horse')]
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
  expect(one).not.toBe(two)
  expect(await passwords.verify('correct horse', one)).toBe(true)
  expect(await passwords.verify('correct horse ', one)).toBe(false)
  expect(await passwords.verify('', one)).toBe(false)
})

it('a hash is read with the cost that it names, and nothing else is a hash', async () => {
  const hash = await passwords.hash('password')
  expect(await passwords.verify('password', hash.replace('t=2', 't=1'))).toBe(false)
  await expect(passwords.verify('password', 'plain password')).rejects.toThrow('not an Argon2id hash')
})

it('the same letters are one password, however a keyboard makes them', async () => {
  expect(await passwords.verify('pa\u0308ssword', await passwords.hash('p\u00e4ssword'))).toBe(true)
})

it('nobody takes as long as somebody: the time tells no names', async () => {
  const hash = await passwords.hash('correct horse')
  const median = async (held: string | undefined): Promise<number> => {
    const took: number[] = []
    for (let turn = 0; turn < 9; turn++) {
      const began = performance.now()
      expect(await passwords.verify('wrong', held)).toBe(false)
      took.push(performance.now() - began)
    }
    return took.sort((a, b) => a - b)[4] as number
  }
  const [somebody, nobody] = [await median(hash), await median(undefined)]
  // Without the work, nobody would be a thousand times faster.
  expect(nobody / somebody).toBeGreaterThan(0.1)
  expect(nobody / somebody).toBeLessThan(10)
})

it('more than can sensibly wait are sent away', async () => {
  const many = await Promise.allSettled(Array.from({ length: 40 }, () => passwords.verify('wrong', undefined)))
  const away = many.filter(({ status }) => status === 'rejected')
  expect(away).toHaveLength(8)
  for (const one of away) expect((one as PromiseRejectedResult).reason).toBeInstanceOf(PasswordsBusy)
  expect(await passwords.verify('wrong', undefined)).toBe(false)
})

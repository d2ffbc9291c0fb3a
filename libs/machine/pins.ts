import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

/**
 * PINs as they may lie on a disk: scrypt with a salt of their own. Four digits are soon tried by whoever has the file;
 * what it protects is the till in the shop, where every wrong guess costs a wait.
 */
const cost: ScryptOptions = { N: 2 ** 14, r: 8, p: 5, maxmem: 64 * 1024 * 1024 }
const size = 32

const derive = (pin: string, salt: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    scrypt(pin, salt, size, cost, (error, key) => (error ? reject(error) : resolve(key))),
  )

export const scryptPins = {
  hash: async (pin: string): Promise<string> => {
    const salt = randomBytes(16)
    return `scrypt-14-8-5 ${salt.toString('base64url')} ${(await derive(pin, salt)).toString('base64url')}`
  },
  matches: async (pin: string, hash: string): Promise<boolean> => {
    const [kind, salt = '', key = ''] = hash.split(' ')
    const kept = Buffer.from(key, 'base64url')
    if (kind !== 'scrypt-14-8-5' || kept.length !== size) return false
    return timingSafeEqual(await derive(pin, Buffer.from(salt, 'base64url')), kept)
  },
}

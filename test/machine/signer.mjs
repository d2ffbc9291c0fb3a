import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/**
 * A signer as a program of its own, as one for a card would be: its keys lie in the file named first, and no private
 * half of them is ever written to its output. The second argument has it misbehave.
 */
const [file, how = ''] = process.argv.slice(2)
const keys = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
const keyOf = name => {
  if (!keys[name]) {
    const { privateKey } = name.startsWith('log')
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
    keys[name] = privateKey.export({ format: 'pem', type: 'pkcs8' })
    writeFileSync(file, JSON.stringify(keys), { mode: 0o600 })
  }
  return createPrivateKey(keys[name])
}
const answer = ({ id, key: name, ask, message }) => {
  const key = keyOf(name)
  if (ask === 'publicKey') {
    const { kty, x, y } = createPublicKey(key).export({ format: 'jwk' })
    const octets =
      kty === 'OKP'
        ? Buffer.from(x, 'base64url')
        : Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
    return { id, curve: kty === 'OKP' ? 'Ed25519' : 'P-256', publicKey: octets.toString('base64url') }
  }
  if (how === 'refuses') return { id, error: 'the card is not in the reader' }
  if (how === 'dies') {
    process.stderr.write('the reader was pulled out\n')
    process.exit(3)
  }
  if (how === 'babbles') return 'yes'
  if (how === 'short') return { id, signature: 'AAAA' }
  const octets = Buffer.from(message, 'base64url')
  const said = how === 'wrong' ? createHash('sha256').update(octets).digest() : octets
  const isEdwards = key.asymmetricKeyType === 'ed25519'
  const signature = isEdwards ? sign(null, said, key) : sign('sha256', said, { key, dsaEncoding: 'ieee-p1363' })
  return { id, signature: signature.toString('base64url') }
}
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  if (how === 'sleeps' && asked.ask === 'sign') continue
  process.stdout.write(`${JSON.stringify(answer(asked))}\n`)
}

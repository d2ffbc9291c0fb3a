import { describe, expect, it } from 'vitest'
import { hex, utf8 } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'
import { nodeCrypto } from '#machine/crypto'
import { checkpointText, readNote, signNote } from '#transparency/checkpoint'
import { cosign, cosignedAt } from '#transparency/cosignature'

const crypto = nodeCrypto()
const log = { name: 'tallystick.dev/log/test', key: crypto.keyPair('Ed25519') }
const witness = { name: 'tallystick.dev/log/test/terminal/T-1', key: crypto.keyPair('Ed25519') }
const text = checkpointText({ origin: log.name, size: 42, root: crypto.sha256('root') })
const note = signNote(crypto, text, log.name, log.key)
const line = cosign(crypto, text, witness.name, witness.key, 1_679_315_147)
const witnessKey = { name: witness.name, publicKey: witness.key.publicKey }

/** The example in C2SP tlog-cosignature: a log's signature and a witness's, at 1679315147. */
const published = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
`

describe('a cosignature', () => {
  it('has the form of the published one', () => {
    const [, theirs] = readNote(utf8(published)).signatures
    expect(theirs?.signature).toHaveLength(72)
    expect(hex(theirs?.signature.slice(0, 8) ?? new Uint8Array(0))).toBe('00000000641850cb')
    const [, ours] = readNote(utf8(note + line)).signatures
    expect(ours?.signature).toHaveLength(72)
    expect(hex(ours?.signature.slice(0, 8) ?? new Uint8Array(0))).toBe('00000000641850cb')
  })

  it('says when its witness had verified the checkpoint', () =>
    expect(cosignedAt(crypto, utf8(note + line), witnessKey)).toBe(1_679_315_147))

  it('signs the words of the specification', () => {
    const signature = readNote(utf8(note + line)).signatures[1]?.signature.slice(8) ?? new Uint8Array(0)
    const words = utf8(`cosignature/v1\ntime 1679315147\n${text}`)
    expect(crypto.verify('Ed25519', witness.key.publicKey, words, signature)).toBe(true)
  })

  const octets = Buffer.from(line.split(' ')[2] ?? '', 'base64')
  const withOctet = (place: number) => {
    const changed = Buffer.from(octets)
    changed[place] = (changed[place] as number) ^ 1
    return `${note}\u2014 ${witness.name} ${changed.toString('base64')}\n`
  }
  it.each([
    ['none is there', note],
    ['another witness signed', note + cosign(crypto, text, witness.name, crypto.keyPair('Ed25519'), 1_679_315_147)],
    ['it is for another checkpoint', note.replace('\n42\n', '\n43\n') + line],
    ['its key id is another', withOctet(0)],
    ['its time was changed', withOctet(11)],
    ['its signature was changed', withOctet(40)],
    ['it is cut short', `${note}\u2014 ${witness.name} ${octets.subarray(0, 60).toString('base64')}\n`],
  ])('is none where %s', (_, signed) => expect(cosignedAt(crypto, utf8(signed), witnessKey)).toBeUndefined())

  it('under what is no note is malformed', () =>
    expect(() => cosignedAt(crypto, utf8('no note'), witnessKey)).toThrow(Malformed))
})

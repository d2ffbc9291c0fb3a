import { describe, expect, it } from 'vitest'
import { decreeWords } from '#account/decrees'
import { isPublished, type KeyringCommand, type KeyringEvent, keyring, sayingOf, signingKey } from '#account/keyring'
import { matrix } from '../matrix.ts'

const at = '2026-11-23T09:00:00.000Z'
const later = '2026-11-26T09:00:00.000Z'
const expires = '2031-11-23T09:00:00.000Z'
const kidOf = (digit: string): string => digit.repeat(16)
type Introduce = Extract<KeyringCommand, { type: 'IntroduceKey' }>
const key = (digit: string, purpose: Introduce['purpose'], change: Partial<Introduce> = {}): Introduce => ({
  type: 'IntroduceKey',
  at,
  kid: kidOf(digit),
  purpose,
  curve: purpose === 'log' ? 'Ed25519' : 'P-256',
  publicKey: `BK${digit}0`,
  notBefore: at,
  expires,
  ...change,
})
const retire = (digit: string, when = at) =>
  ({ type: 'RetireKey', kid: kidOf(digit), at: when, reason: 'its term is over' }) as const
const compromise = (digit: string) => ({ type: 'CompromiseKey', kid: kidOf(digit), reason: 'a disk was lost' }) as const
const says = (...lines: readonly string[]): string => lines.join('\n')
const one = (status = 'active') => `${kidOf('1')} license ${status}`
const two = (status = 'active') => `${kidOf('2')} license ${status}`
const publish = (version: number, said: string) =>
  ({
    type: 'PublishKeySet',
    version,
    hash: `${version}`.repeat(64).slice(0, 64),
    document: 'hEOh',
    says: said,
  }) as const

const [root, first, second] = [key('0', 'root'), key('1', 'license'), key('2', 'license', { notBefore: later })]

matrix('the authority’s keys', keyring, decreeWords, {
  states: {
    nothing: [],
    'one key': [root, first],
    'one key, published': [root, first, publish(1, one())],
    'a second ahead': [root, first, second, publish(1, says(one(), two()))],
    'a second, not published': [root, first, publish(1, one()), key('2', 'license')],
    'a second now': [root, first, key('2', 'license'), publish(1, says(one(), two()))],
    'the first retired': [root, first, key('2', 'license'), publish(1, says(one(), two())), retire('1')],
    'the first compromised': [root, first, compromise('1')],
  },
  commands: {
    IntroduceKey: {
      first,
      'of another kind of curve': key('3', 'rules', { curve: 'Ed25519' }),
      'over before it begins': key('3', 'rules', { expires: at }),
      'another root': key('9', 'root'),
      'first for rules': key('1', 'rules'),
    },
    RetireKey: { 'retire first': retire('1'), 'retire root': retire('0') },
    CompromiseKey: { 'compromise first': compromise('1'), 'compromise root': compromise('0') },
    PublishKeySet: {
      'publish 1': publish(1, one()),
      'publish 2, first compromised': publish(2, one('compromised')),
      'publish 3': publish(3, one()),
    },
    IntroduceTacMaster: { 'a TAC master': { type: 'IntroduceTacMaster', id: '00112233' } },
  },
  refusals: {
    KeyCurveWrong: true,
    KeyExists: true,
    KeyIsCompromised: true,
    KeyIsLast: true,
    KeyNeverValid: true,
    KeySetMoved: true,
    KeyUnknown: true,
    RootStays: true,
    VersionTaken: true,
  },
  rows: `
    nothing                 | first                        | KeyIntroduced
                            | another root                 | KeyIntroduced
                            | of another kind of curve     | refused KeyCurveWrong
                            | over before it begins        | refused KeyNeverValid
                            | retire first                 | refused KeyUnknown
                            | compromise first             | refused KeyUnknown
                            | a TAC master                 | TacMasterIntroduced
    one key                 | first                        | already so
                            | first for rules              | refused KeyExists
                            | another root                 | refused RootStays
                            | retire root                  | refused RootStays
                            | compromise root              | refused RootStays
                            | publish 1                    | KeySetPublished
                            | publish 3                    | refused VersionTaken
                            | publish 2, first compromised | refused KeySetMoved
    one key, published      | publish 1                    | already so
                            | publish 3                    | refused VersionTaken
                            | publish 2, first compromised | refused KeySetMoved
                            | retire first                 | refused KeyIsLast
                            | compromise first             | KeyCompromised
    a second ahead          | retire first                 | refused KeyIsLast
    a second, not published | retire first                 | refused KeyIsLast
    a second now            | retire first                 | KeyRetired
    the first retired       | retire first                 | already so
                            | first                        | refused KeyExists
                            | compromise first             | KeyCompromised
    the first compromised   | compromise first             | already so
                            | retire first                 | refused KeyIsCompromised
                            | publish 2, first compromised | KeySetPublished
    `,
})

describe('which key signs', () => {
  const after = (...steps: readonly KeyringCommand[]) =>
    steps.reduce(
      (state, command) => (keyring.decide(command, state) as readonly KeyringEvent[]).reduce(keyring.evolve, state),
      keyring.initialState,
    )
  const ahead = after(root, first, second, publish(1, says(one(), two())))
  const signs = (when: string, state = ahead) => signingKey(state, 'license', when)?.kid

  it('the one that began last, from its own time on', () => {
    expect(signs(at)).toBe(kidOf('1'))
    expect(signs('2026-11-26T08:59:59.999Z')).toBe(kidOf('1'))
    expect(signs(later)).toBe(kidOf('2'))
  })
  it('none before its time, and none after it', () => {
    expect(signs('2026-11-23T08:59:59.999Z')).toBeUndefined()
    expect(signs(expires)).toBeUndefined()
  })
  it('none that the root has not signed', () => {
    const unpublished = after(root, first, publish(1, one()), key('2', 'license'))
    expect(signs(at, unpublished)).toBe(kidOf('1'))
    expect(isPublished(unpublished)).toBe(false)
    expect(signs(at, after(root, first))).toBeUndefined()
  })
  it('none that is compromised, from the moment that it is named', () =>
    expect(signs(later, after(root, first, second, publish(1, says(one(), two())), compromise('2')))).toBe(kidOf('1')))
  it('a key set says nothing of the root', () => expect(sayingOf(ahead.keys)).toBe(says(one(), two())))
})

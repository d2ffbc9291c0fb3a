import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bytes, concat, fromHex, hex } from '#canonical/bytes'
import { type Card, type Conversation, exchange, initialCard, respond, select, takeCommand } from '#nfc/iso-dep'
import { FieldLost, PeerUnfit } from '#nfc/reader'
import { bareResponse, encodeRequest, encodeResponse, SERVICE_LIMIT } from '#nfc/snep'
import { anyOctets } from './octets.ts'

const put = (size: number): Bytes => encodeRequest({ code: 'PUT', information: new Uint8Array(size).fill(0xcd) })
const success = (size: number): Bytes =>
  encodeResponse({ code: 'SUCCESS', information: new Uint8Array(size).fill(0xef) })

/** A phone in the field that answers each SNEP request with `answer`, and what was said. */
const phone = (answer: (request: Bytes) => Bytes) => {
  let card: Card = initialCard
  const said: { command: Bytes; answer: Bytes }[] = []
  const requests: Bytes[] = []
  return {
    said,
    requests,
    hear: (command: Bytes): Bytes => {
      let step = takeCommand(card, command)
      if ('request' in step) {
        requests.push(step.request)
        step = respond(step.card, answer(step.request))
      }
      card = step.card
      said.push({ command, answer: step.answer })
      return step.answer
    },
  }
}

const talk = <Outcome>(conversation: Conversation<Outcome>, hear: (command: Bytes) => Bytes): Outcome => {
  let step = conversation.next()
  while (!step.done) step = conversation.next(hear(step.value))
  return step.value
}

/** The card's answers to commands, one after another, each in hex; a SNEP request is answered with `response`. */
const dialogue = (commands: string[], response = bareResponse('SUCCESS')): string[] => {
  const { hear } = phone(() => response)
  return commands.map(command => hex(hear(fromHex(command))))
}

const SELECT = '00a4040007f054414c4c590100'

describe('what is said', () => {
  it('SELECT, then a short request in one ENVELOPE', () => {
    const { hear, said, requests } = phone(() => bareResponse('SUCCESS'))
    talk(select(), hear)
    expect(hex(talk(exchange(put(2)), hear))).toBe('108100000000')
    expect(requests).toEqual([put(2)])
    expect(said.map(({ command, answer }) => [hex(command), hex(answer)])).toEqual([
      // ISO/IEC 7816-4, 7.1.1 (by DF name) and 7.6.2
      ['00a4040007f054414c4c590100', '9000'],
      ['00c3000008100200000002cdcd00', '1081000000009000'],
    ])
  })

  it('a long request is chained, a long response fetched', () => {
    const { hear, said, requests } = phone(() => success(600))
    talk(select(), hear)
    expect(talk(exchange(put(300)), hear)).toEqual(success(600))
    expect(requests).toEqual([put(300)])
    expect(said.slice(1).map(({ command, answer }) => [hex(command.slice(0, 5)), hex(answer.slice(-2))])).toEqual([
      ['10c30000ff', '9000'],
      ['00c3000033', '6100'],
      ['00c0000000', '615e'],
      ['00c000005e', '9000'],
    ])
    for (const { command, answer } of said) {
      expect(command.length).toBeLessThanOrEqual(261)
      expect(answer.length).toBeLessThanOrEqual(258)
    }
  })

  it('any request and any response arrive as they were sent', () =>
    fc.assert(
      fc.property(fc.nat(SERVICE_LIMIT), fc.nat(SERVICE_LIMIT), (asked, answered) => {
        const { hear, requests } = phone(() => success(answered))
        talk(select(), hear)
        expect(talk(exchange(put(asked)), hear)).toEqual(success(answered))
        expect(requests).toEqual([put(asked)])
      }),
      { examples: [255, 249, 250, 256, 506, SERVICE_LIMIT].map(size => [size, size] as [number, number]) },
    ))
})

const outcome = (conversation: Conversation<unknown>, ...answers: string[]): unknown => {
  try {
    return talk(conversation, () => fromHex(answers.shift() ?? ''))
  } catch (error) {
    return error
  }
}

describe('the terminal', () => {
  it.each(['9000', '6105', '6f10a508840103a5049f6501ff9000'])('SELECT answered %s is a phone', answer =>
    expect(outcome(select(), answer)).toBeUndefined(),
  )
  it.each(['6a82', '6d00', '6999'])('SELECT answered %s is another card', answer => {
    const unfit = outcome(select(), answer) as PeerUnfit
    expect(unfit).toBeInstanceOf(PeerUnfit)
    expect(unfit.message).toBe(`Not a Tallystick phone: it answered SW ${answer.toUpperCase()} to SELECT.`)
  })
  it.each([
    ['no octet', ['']],
    ['one octet', ['90']],
    ['nothing after a first piece', ['10816104', '']],
    ['a part of a response as if it were all', ['108100000005aabb9000']],
    ['a part of a header', ['10819000']],
    ['more than the response says', ['108100000001aabb9000']],
  ])('%s: the field is lost', (_, answers) => expect(outcome(exchange(put(1)), ...answers)).toBeInstanceOf(FieldLost))
  it.each([
    ['refused outright', ['6985']],
    ['refused in mid-answer', ['10816104', '6f00']],
    ['more announced for ever', ['10816104', '6104', '6104']],
  ])('%s: the peer is unfit', (_, answers) => expect(outcome(exchange(put(1)), ...answers)).toBeInstanceOf(PeerUnfit))
  it('a chain refused: the peer is unfit', () => expect(outcome(exchange(put(300)), '6883')).toBeInstanceOf(PeerUnfit))
  it('a response without end: the peer is unfit', () =>
    expect(outcome(exchange(put(1)), ...Array(20).fill(`${'00'.repeat(256)}6100`))).toBeInstanceOf(PeerUnfit))
})

describe('the phone as a card', () => {
  it.each([
    ['another application', ['00a4040005a00000000300'], ['6a82']],
    ['our application with a number of another version', ['00a4040007f054414c4c590200'], ['6a82']],
    ['SELECT by file identifier', ['00a40000023f00'], ['6a86']],
    ['SELECT without file control information', ['00a4040c07f054414c4c5901'], ['9000']],
    ['an unknown instruction', [SELECT, '00b0000000'], ['9000', '6d00']],
    ['an unknown class', [SELECT, '80c3000001aa'], ['9000', '6e00']],
    ['octets that are no APDU', [SELECT, '00c3'], ['9000', '6700']],
    ['no octet', [''], ['6700']],
    ['a request before SELECT', ['00c300000610020000000000'], ['6985']],
    [
      'a request after another application was selected',
      [SELECT, '00a4040005a00000000300', '00c300000100'],
      ['9000', '6a82', '6985'],
    ],
    ['GET RESPONSE with nothing to fetch', [SELECT, '00c0000000'], ['9000', '6985']],
    ['GET RESPONSE within a chain', [SELECT, '10c3000001aa', '00c0000000'], ['9000', '9000', '6883']],
    ['chaining of another command', [SELECT, '10c0000000'], ['9000', '6884']],
    ['ENVELOPE with parameters', [SELECT, '00c3010001aa'], ['9000', '6a86']],
    ['ENVELOPE without data', [SELECT, '00c3000000'], ['9000', '6700']],
    ['GET RESPONSE with data', [SELECT, '00c0000001aa'], ['9000', '6700']],
  ])('%s', (_, commands, answers) => expect(dialogue(commands)).toEqual(answers))

  it('SELECT in mid-chain begins anew', () => {
    const { hear, requests } = phone(() => bareResponse('SUCCESS'))
    for (const command of [SELECT, '10c3000002ffff', SELECT, '00c3000006100200000000'])
      expect(hex(hear(fromHex(command)))).toBe(command.startsWith('00c3') ? '6106' : '9000')
    expect(requests.map(hex)).toEqual(['100200000000'])
  })

  it('without Le nothing is sent along; GET RESPONSE has it, in pieces if so wished', () =>
    expect(dialogue([SELECT, '00c3000001aa', '00c0000004', '00c0000000', '00c0000000'])).toEqual([
      '9000',
      '6106',
      '108100006102',
      '00009000',
      '6985',
    ]))

  it('a new request drops what was not fetched of the last response', () =>
    expect(dialogue([SELECT, '00c3000001aa', '10c3000001bb', '00c3000001cc00', '00c0000000']).at(-1)).toBe('6985'))

  it('a request over 4 KiB is rejected without being handed on or kept', () => {
    const { hear, requests, said } = phone(() => bareResponse('SUCCESS'))
    talk(select(), hear)
    expect(talk(exchange(put(SERVICE_LIMIT + 1)), hear)).toEqual(bareResponse('REJECT'))
    expect(talk(exchange(put(60_000)), hear)).toEqual(bareResponse('REJECT'))
    expect(requests).toEqual([])
    expect(talk(exchange(put(1)), hear)).toEqual(bareResponse('SUCCESS'))
    expect(said.length).toBeGreaterThan(250)

    let card: Card = { ...initialCard, selected: true }
    for (let count = 0; count < 40; count++)
      card = takeCommand(card, concat(fromHex('10c30000ff'), new Uint8Array(255))).card
    expect(card.incoming?.length).toBe(6 + SERVICE_LIMIT + 1)
  })

  it('any commands have an answer of status words at least, and a selected card stays well', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            anyOctets({ maxLength: 12 }),
            fc
              .tuple(fc.constantFrom('00a404', '00c300', '10c300', '00c000'), anyOctets({ maxLength: 6 }))
              .map(([start, end]) => concat(fromHex(start), end)),
          ),
          { maxLength: 20 },
        ),
        commands => {
          const { hear } = phone(() => bareResponse('SUCCESS'))
          talk(select(), hear)
          for (const command of commands) expect(hear(command).length).toBeGreaterThanOrEqual(2)
          talk(select(), hear)
          expect(talk(exchange(put(1)), hear)).toEqual(bareResponse('SUCCESS'))
        },
      ),
    ))

  it('a response that no request asked for is a bug', () =>
    expect(() => respond(initialCard, bareResponse('SUCCESS'))).toThrow(RangeError))
})

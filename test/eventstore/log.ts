import { z } from 'zod'
import { type Vocabulary, word } from '#canonical/event'
import type { LoggedEvent } from '#eventstore/rows'

/** A small trade for tests of the engine: money is put into boxes and taken out. */
export const boxWords = {
  Put: word(z.object({ box: z.string(), amount: z.string() })),
  Taken: word(z.object({ box: z.string(), amount: z.string() })),
  Emptied: word(z.object({ box: z.string() })),
  Painted: word(z.object({ box: z.string() })),
} satisfies Vocabulary

export const boxEvent = (index: number, type: keyof typeof boxWords, box: string, amount = '0'): LoggedEvent => ({
  stream: `box-${box}`,
  revision: index,
  id: `00000000-0000-7000-8000-${index.toString(16).padStart(12, '0')}`,
  type,
  schema: 1,
  money: false,
  at: '2026-11-23T10:00:00.000Z',
  by: 'test',
  correlation: 'test',
  causation: 'test',
  data: { box, amount, salt: '' },
  prev: '',
  hash: '',
  index,
  storedAt: '2026-11-23T10:00:00.000Z',
})

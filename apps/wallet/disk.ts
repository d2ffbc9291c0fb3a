import type { KeyText, PhoneMemory } from '#tap/phone'

/** Each phone's memory; `keep` is durable when it returns. */
export type PhoneDisk = {
  phones(): PhoneMemory[]
  keep(memory: PhoneMemory): void
  /** Keys that a license was asked for with, by the code's hash; kept until the answer is in a phone's memory. */
  asked(activation: string): KeyText | undefined
  keepAsked(activation: string, keys: KeyText | undefined): void
}

/**
 * All memories in notes beside an empty log: each kept whole and durable, the list of phones with them. The file is in
 * no backup: a phone that was restored would pay twice by one counter.
 */
export const diskOf = (notes: {
  note(key: string): string | undefined
  setNote(key: string, text: string): void
}): PhoneDisk => {
  const listed = (): string[] => JSON.parse(notes.note('phones') ?? '[]') as string[]
  return {
    phones: () => listed().map(phone => JSON.parse(notes.note(`phone-${phone}`) as string) as PhoneMemory),
    keep: memory => {
      notes.setNote(`phone-${memory.phone}`, JSON.stringify(memory))
      if (!listed().includes(memory.phone)) notes.setNote('phones', JSON.stringify([...listed(), memory.phone]))
    },
    asked: activation => {
      const text = notes.note(`asked-${activation}`)
      return text ? (JSON.parse(text) as KeyText) : undefined
    },
    keepAsked: (activation, keys) => notes.setNote(`asked-${activation}`, keys ? JSON.stringify(keys) : ''),
  }
}

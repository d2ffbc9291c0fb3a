import type { PhoneMemory } from '#tap/phone'
import type { PhoneDisk } from './wallet.ts'

/** All memories in notes beside an empty log: each kept whole and durable, the list of phones with them. */
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
  }
}

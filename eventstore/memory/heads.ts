import type { Heads } from '#eventstore/heads'

export const memoryHeads = (): Heads => {
  const texts = new Map<string, string>()
  return {
    get: async key => texts.get(key),
    replace: async (key, was, text) => {
      if (texts.get(key) !== was) return false
      texts.set(key, text)
      return true
    },
  }
}

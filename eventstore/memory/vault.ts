import type { Vault } from '#eventstore/vault'

export const memoryVault = (): Vault => {
  const held = new Map<string, { readonly version: number; readonly text: string; readonly words: string }>()
  const gone = new Map<string, string>()
  return {
    get: async key => {
      const entry = held.get(key)
      return entry && { version: entry.version, text: entry.text }
    },
    put: async (key, was, text, words) => {
      if (gone.has(key) || (held.get(key)?.version ?? 0) !== was) return false
      held.set(key, { version: was + 1, text, words })
      return true
    },
    find: async (words, limit) =>
      [...held]
        .filter(([, entry]) => entry.words.includes(words))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([key, { version, text }]) => ({ key, version, text })),
    erase: async (key, at) => {
      held.delete(key)
      if (gone.has(key)) return false
      gone.set(key, at)
      return true
    },
    erased: async key => gone.get(key),
  }
}

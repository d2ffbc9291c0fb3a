/**
 * What is known of people, apart from the log: one text for each key, which is an account's id. Whoever changes it names
 * the version that was read. What is erased leaves nothing behind but its key, so that it is not put back by mistake.
 */
export type Entry = { readonly version: number; readonly text: string }

export interface Vault {
  get(key: string): Promise<Entry | undefined>
  /**
   * Durable when true; false, and nothing done, where the version is not `was` (0: there is none), or the key was erased.
   * `words` is what it is found by.
   */
  put(key: string, was: number, text: string, words: string): Promise<boolean>
  /** Those whose words hold what is looked for, by key; `%` and `_` are letters like others. */
  find(words: string, limit: number): Promise<(Entry & { readonly key: string })[]>
  /** Removes an entry for good, its octets included; false where it was erased before. */
  erase(key: string, at: string): Promise<boolean>
  /** When it was erased, if it was. */
  erased(key: string): Promise<string | undefined>
}

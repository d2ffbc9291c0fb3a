/**
 * Small texts that are kept apart from the log, each changed by compare-and-set: what was signed of the log must not go
 * back when the log does, and two signers must not both have the last word.
 */
export interface Heads {
  get(key: string): Promise<string | undefined>
  /** Durable when true; false, and nothing done, where the text is not `was` (undefined: there is none). */
  replace(key: string, was: string | undefined, text: string): Promise<boolean>
}

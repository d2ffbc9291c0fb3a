import type { Bytes } from '#canonical/bytes'

/** What the terminal and its reader's child process say to each other. `tap` numbers the cards as they come. */
export type ToChild =
  | { readonly kind: 'exchange'; readonly tap: number; readonly request: Bytes }
  | { readonly kind: 'leave'; readonly tap: number }

export type FromChild =
  /** Said each second: the child's main thread can be caught in native code, and then nothing is said. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'trouble'; readonly message: string }
  /** The readers in use, after each change; none is a fault in itself. */
  | { readonly kind: 'readers'; readonly names: readonly string[] }
  /** A card came, and is being asked what it is. */
  | { readonly kind: 'card'; readonly tap: number; readonly reader: string }
  | { readonly kind: 'phone'; readonly tap: number }
  | { readonly kind: 'unfit'; readonly tap: number; readonly found: string }
  | { readonly kind: 'answer'; readonly tap: number; readonly response: Bytes }
  /** The exchange came to nothing; the card may still be there. */
  | { readonly kind: 'lost'; readonly tap: number; readonly why: string }
  | { readonly kind: 'left'; readonly tap: number }
  | { readonly kind: 'gone'; readonly tap: number }

/** Time as it is handed in: whoever decides is told the hour, and never asks for it. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number
}

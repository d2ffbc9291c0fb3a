/** Mutants that no test can kill, because they change nothing that anybody could see. Found by their line's own text. */
export const survivors: readonly {
  readonly file: string
  /** A part of the line. */
  readonly line: string
  readonly was: string
  readonly is: string
  readonly reason: string
}[] = []

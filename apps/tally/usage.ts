/** The words of a command are off; the message shows the right ones. */
export class Usage extends Error {
  readonly code = 'Usage'
}

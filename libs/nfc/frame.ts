import { type Bytes, concat, u32be } from '#canonical/bytes'
import { Malformed } from '#canonical/malformed'

/**
 * A message in a stream of octets: its length as u32be, then itself. For the loopback and for the virtual card's
 * socket, where a stream stands for the air.
 */
export const frame = (message: Uint8Array): Bytes => concat(u32be(message.length), message)

/**
 * Takes a stream as it comes and gives the messages that became whole. Throws `Malformed` for a message longer than
 * `limit` as soon as its length is known: who called it drops the stream, which has no reading from there on.
 */
export const unframer = (limit: number): ((chunk: Uint8Array) => Bytes[]) => {
  let held: Bytes = new Uint8Array(0)
  return chunk => {
    held = concat(held, chunk)
    const messages: Bytes[] = []
    while (held.length >= 4) {
      const length = new DataView(held.buffer, held.byteOffset).getUint32(0)
      if (length > limit) throw new Malformed('frame', 0, `a frame of ${length} octets, over ${limit}`)
      if (held.length < 4 + length) break
      messages.push(held.slice(4, 4 + length))
      held = held.slice(4 + length)
    }
    return messages
  }
}

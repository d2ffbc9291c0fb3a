/**
 * Octets from outside that are not what their layer allows. Every decoder throws this and nothing else; who called it
 * drops the message, changes nothing, and tells the peer in that layer's own way.
 */
export class Malformed extends Error {
  readonly code = 'Malformed'
  constructor(
    /** `ndef`, `snep`, `apdu`, `cbor`, `cose`, or the record's name. */
    readonly layer: string,
    /** Where in the octets given to that layer the trouble was found. */
    readonly offset: number,
    readonly found: string,
    options?: ErrorOptions,
  ) {
    super(`${layer} at octet ${offset}: ${found}`, options)
  }
}

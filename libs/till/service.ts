import type { Refusal } from '#canonical/decider'
import type { TillEvent } from './events.ts'

export type AdoptedAssignment = Extract<TillEvent, { type: 'AssignmentAdopted' }>['data']

/**
 * May this terminal take payments at all? By the centre's word on it that it adopted, and by its own certificate, which
 * every phone looks at. What it took before is safe and is sent, whatever stands here.
 */
export const outOfService = (
  assignment: Pick<AdoptedAssignment, 'standing' | 'reason'> | undefined,
  clock: { readonly now_ms: number; readonly certificateEnds_ms?: number },
): Refusal | undefined => {
  const { standing = 'enrolled', reason } = assignment ?? {}
  const why = reason === undefined ? '' : ` (${reason})`
  const kept = 'What was taken here is kept and is sent.'
  switch (standing) {
    case 'enrolled':
      break
    case 'suspended':
      return {
        reason: 'TerminalSuspended',
        message: `The back office has suspended this till${why}: it takes no payments until it is reinstated. ${kept}`,
      }
    case 'replaced':
      return {
        reason: 'TerminalReplaced',
        message: `Another till has taken the place of this one${why}: sell there. ${kept}`,
      }
    case 'lost':
      return {
        reason: 'TerminalLost',
        message: `This till was declared lost${why}: give it to the back office, it takes no payments any more. ${kept}`,
      }
    case 'retired':
      return {
        reason: 'TerminalRetired',
        message: `This till is retired${why}: give it to the back office, and keep its disk. It takes no payments any more.`,
      }
  }
  const { now_ms, certificateEnds_ms = Number.POSITIVE_INFINITY } = clock
  return now_ms >= certificateEnds_ms
    ? {
        reason: 'CertificateExpired',
        message: `This till's certificate ran out on ${new Date(certificateEnds_ms).toISOString().slice(0, 10)}, and no phone pays to it: let it reach the centre, which renews it. ${kept}`,
        ended: new Date(certificateEnds_ms).toISOString(),
      }
    : undefined
}

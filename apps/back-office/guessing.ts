import { isRefusal, type Refusal } from '#canonical/decider'
import { type Attempt, throttle } from '#operator/throttle'

/**
 * One-time codes that a stranger may try. They have 128 bits, so that nobody guesses one; what is tried all the same
 * costs whoever tries it more time with each, and this centre no search of its log.
 */
export const guessing = (now: () => number) => {
  const tries = throttle()
  return async <Answer>(attempt: Attempt, ask: () => Promise<Answer | Refusal>): Promise<Answer | Refusal> => {
    const wait_ms = tries.wait_ms(attempt, now())
    if (wait_ms > 0) {
      const seconds = Math.ceil(wait_ms / 1000)
      return {
        reason: 'CodeThrottled',
        message: `Too many codes from ${attempt.address} were refused: try again in ${seconds} seconds. Nothing was done.`,
        retryAfter_s: seconds,
      }
    }
    tries.tried(attempt, now())
    const answer = await ask()
    if (typeof answer !== 'object' || answer === null || !isRefusal(answer)) tries.succeeded(attempt)
    return answer
  }
}

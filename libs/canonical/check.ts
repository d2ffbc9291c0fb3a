/**
 * One check and what came of it. A tap, an intake and a replay make the same list from the same octets; a stored list
 * is only ever compared. `rule` names the version of the rules that it was made under.
 */
export type Check = {
  readonly check: string
  readonly pass: boolean
  /** Present where the check failed: the stable reason code. */
  readonly reason?: string
  readonly expected?: string
  readonly found?: string
  readonly rule?: string
}

export const passed = (check: string, rule?: string): Check =>
  rule === undefined ? { check, pass: true } : { check, pass: true, rule }

export const failed = (check: string, reason: string, expected: string, found: string, rule?: string): Check =>
  rule === undefined
    ? { check, pass: false, reason, expected, found }
    : { check, pass: false, reason, expected, found, rule }

export const firstFailure = (checks: readonly Check[]): Check | undefined => checks.find(check => !check.pass)

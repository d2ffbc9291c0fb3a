import type { Asker, WhoAsks } from '#http/roles'
import type { Passwords } from '#machine/passwords'

/** A centre's door as a test needs it. */

/** No work at all, for tests that measure something else. */
export const plainPasswords: Passwords = {
  hash: async password => `plain ${password}`,
  verify: async (password, hash) => hash === `plain ${password}`,
}

/** Whoever asks is this one, for tests of what comes after the door. */
export const atDesk =
  (asker: Asker = { operator: 'local', role: 'administrator' }): WhoAsks =>
  async () =>
    asker

/**
 * When to send, as a state machine: it is told what happened and says how long to wait. Offline it waits to be woken
 * and opens no socket. Back-off doubles with jitter from half a second to half a minute; what the centre says with
 * Retry-After has the last word.
 */
export type Drain = { readonly failures: number; readonly online: boolean }

export const idleDrain: Drain = { failures: 0, online: true }

export type DrainNews =
  | { readonly type: 'Sent'; readonly more: boolean }
  | { readonly type: 'Failed'; readonly retryAfter_s?: number; readonly jitter: number }
  | { readonly type: 'NetworkSet'; readonly online: boolean }

/** `wait_ms` undefined: wait to be woken by new events, a command or the network. */
export type DrainStep = { readonly drain: Drain; readonly wait_ms: number | undefined }

const first_ms = 500
const longest_ms = 30_000

export const next = (drain: Drain, news: DrainNews): DrainStep => {
  switch (news.type) {
    case 'NetworkSet':
      return { drain: { failures: 0, online: news.online }, wait_ms: news.online ? 0 : undefined }
    case 'Sent':
      return { drain: { ...drain, failures: 0 }, wait_ms: news.more ? 0 : undefined }
    case 'Failed': {
      const failures = drain.failures + 1
      const backOff = Math.min(longest_ms, first_ms * 2 ** (failures - 1))
      // Full jitter: fifty tills that lost one centre do not all come back in one instant.
      const wait_ms = Math.max(backOff * (0.5 + news.jitter / 2), (news.retryAfter_s ?? 0) * 1000)
      return { drain: { ...drain, failures }, wait_ms: drain.online ? wait_ms : undefined }
    }
  }
}

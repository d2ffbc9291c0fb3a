import type { MessageEvent } from '@nestjs/common'
import { interval, map, merge, type Observable, of, throttleTime } from 'rxjs'

/** What wakes a screen; it carries no figure, so that a lost one costs nothing but a moment. */
export type News = { readonly kind: string }

/**
 * A live view: news at most every 200 ms (the last of a burst is kept), and a heartbeat, so that a page can tell a
 * quiet day from a dead line.
 */
export const liveView = (news: Observable<News>): Observable<MessageEvent> =>
  merge(
    of({ kind: 'hello' }),
    news.pipe(throttleTime(200, undefined, { leading: true, trailing: true })),
    interval(15_000).pipe(map(() => ({ kind: 'heartbeat' }))),
  ).pipe(map(data => ({ data })))

import { expect, it } from 'vitest'
import { base64url } from '#canonical/bytes'
import { signVerdicts, type Verdict, verdictsMax } from '#license/verdicts'
import { emptyTill } from '#till/state'
import type { OwnLog } from '../../apps/terminal/own-log.ts'
import { verdicts } from '../../apps/terminal/verdicts.ts'
import { world as authority } from '../license/fixture.ts'

/** What a till keeps of the centre's verdicts when there are more of them than it keeps. */

const { crypto, keySet, rulesKey } = authority()
const terminal = 'T-1'

/** A till with so many sales that the centre holds, and a centre that answers what it is asked, a page at a time. */
const judged = (sales: number, say: (revision: number) => Omit<Verdict, 'revision'>) => {
  const till = emptyTill()
  for (let revision = 0; revision < sales; revision++)
    till.recorded.set(`${revision}`, { revision } as typeof till.recorded extends Map<string, infer Kept>
      ? Kept
      : never)
  till.acknowledgedTo = sales - 1
  const notes = new Map<string, string>()
  const own = { till, rules: () => ({ keySet }) } as unknown as OwnLog
  const start = () =>
    verdicts(
      {
        crypto,
        notes: { note: key => notes.get(key), setNote: (key, text) => void notes.set(key, text) },
        identity: { terminal } as Parameters<typeof verdicts>[0]['identity'],
      },
      own,
    )
  const heard = start()
  for (let page = 0; heard.awaited(); page++) {
    expect(page).toBeLessThan(sales)
    const asked = heard.asked()
    expect(asked.length).toBeLessThanOrEqual(verdictsMax)
    const said = asked.map(revision => ({ revision, ...say(revision) }))
    const request = `question ${page}`
    expect(heard.hear(base64url(signVerdicts(crypto, { terminal, request, said }, rulesKey)), request, asked)).toBe(
      true,
    )
  }
  return { heard, start, kept: () => notes.get('verdicts')?.length ?? 0 }
}

it('is never accepted, of a payment that was refused and that a thousand others have pushed out', () => {
  const { heard, start, kept } = judged(1_100, () => ({ verdict: 'refused', reason: 'MerchantBears' }))
  for (const these of [heard, start()]) {
    expect(these.of(1_099)).toEqual({ verdict: 'refused', reason: 'MerchantBears' })
    expect([0, 50, 99].map(revision => these.of(revision)?.verdict)).not.toContain('accepted')
    // Nothing of it is asked for again and again, either.
    expect(these.asked()).toEqual([])
  }
  expect(kept()).toBeLessThan(64 * 1024)
})

it('is accepted where it was, whatever else was refused', () => {
  const { heard, start } = judged(400, revision =>
    revision % 2 ? { verdict: 'accepted' } : { verdict: 'refused', reason: 'x' },
  )
  for (const these of [heard, start()])
    expect([0, 1, 398, 399].map(revision => these.of(revision)?.verdict)).toEqual([
      'refused',
      'accepted',
      'refused',
      'accepted',
    ])
})

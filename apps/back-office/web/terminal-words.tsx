import { Badge } from '@mantine/core'
import type { CertificateEnd, Terminal } from './answers.ts'

/** What a terminal's row says in words, alike in the list and on its own page. */

const colours: Readonly<Record<Terminal['state'], string>> = {
  invited: 'gray',
  cancelled: 'gray',
  enrolled: 'green',
  suspended: 'orange',
  replaced: 'gray',
  lost: 'red',
  retired: 'gray',
}

export const Standing = ({ of }: { readonly of: Pick<Terminal, 'state'> }) => (
  <Badge variant="light" color={colours[of.state]} data-testid="terminal-state">
    {of.state}
  </Badge>
)

export const certificateWords = ({ daysLeft, warning }: CertificateEnd): string =>
  warning === 0 ? 'run out' : `${daysLeft} ${daysLeft === 1 ? 'day' : 'days'} left`

const serves = new Set<Terminal['state']>(['enrolled', 'suspended'])

/** What somebody must look at, each in a sentence. */
export const warnings = (each: Terminal): readonly string[] => {
  const { certificate, state, forks, gaps, quarantined, notUnderstood } = each
  const found: string[] = []
  if (certificate && certificate.warning !== null && serves.has(state))
    found.push(
      certificate.warning === 0
        ? 'Its certificate has run out: no phone pays to it until it has reached the centre.'
        : `Its certificate runs out in ${certificate.daysLeft} ${certificate.daysLeft === 1 ? 'day' : 'days'}: bring it online, and it is renewed.`,
    )
  if (!each.told && state !== 'invited' && state !== 'cancelled')
    found.push('It has not heard how it stands yet: until it reaches the centre it goes on as before.')
  if (forks > 0) found.push(`Two histories came under its name (${forks}): look at the device before it serves again.`)
  if (quarantined > 0)
    found.push(
      `${quarantined} ${quarantined === 1 ? 'batch' : 'batches'} of it came and ${quarantined === 1 ? 'was' : 'were'} refused: they may hold payments, and wait for a decision.`,
    )
  if (gaps > 0) found.push(`Its log here has ${gaps} ${gaps === 1 ? 'gap' : 'gaps'}.`)
  if (notUnderstood > 0) found.push(`${notUnderstood} of its events are of a version that this centre does not know.`)
  return found
}

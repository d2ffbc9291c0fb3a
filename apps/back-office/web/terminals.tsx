import { Anchor, Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { Ago } from '#screens/age'
import { type Column, List } from '#screens/list'
import { writtenAmount } from '#screens/money'
import { Answered, Empty } from '#screens/states'
import { type Aged, type Terminal, useAnswer } from './answers.ts'
import { Page } from './frame.tsx'
import classes from './office.module.css'
import { Allowed } from './session.tsx'
import { certificateWords, Standing } from './terminal-words.tsx'

const Invite = lazy(() => import('./invite.tsx').then(({ Invite }) => ({ default: Invite })))

const version = (of: number | null) => (of === null ? 'none' : of)

const broken = ({ gaps, forks }: Terminal) =>
  [
    gaps === 0 ? [] : [`${gaps} ${gaps === 1 ? 'gap' : 'gaps'}`],
    forks === 0 ? [] : [`${forks} ${forks === 1 ? 'fork' : 'forks'}`],
  ]
    .flat()
    .join(', ')

const columns: readonly Column<Terminal>[] = [
  {
    name: 'terminal',
    title: 'Terminal',
    cell: each => (
      <Anchor component={Link} to={`/terminals/${encodeURIComponent(each.terminal)}`} size="sm" fw={600}>
        {each.label ?? each.terminal}
      </Anchor>
    ),
  },
  { name: 'shop', title: 'Shop', cell: each => each.shop },
  { name: 'merchant', title: 'Merchant', wraps: true, cell: each => each.merchant },
  {
    name: 'state',
    title: 'State',
    cell: each => <Standing of={each} />,
  },
  {
    name: 'certificate',
    title: 'Certificate',
    cell: each =>
      each.certificate === null ? (
        'none'
      ) : each.certificate.warning === null ? (
        certificateWords(each.certificate)
      ) : (
        <b className={classes.over}>{certificateWords(each.certificate)}</b>
      ),
  },
  {
    name: 'lastSeen',
    title: 'Last heard',
    cell: each => (each.lastSeen === null ? 'never' : <Ago instant={each.lastSeen} />),
  },
  {
    name: 'waiting',
    title: 'Waiting there',
    figure: true,
    cell: each => (each.waiting === null ? 'not known' : `${each.waiting.count}, ${writtenAmount(each.waiting.sum)}`),
  },
  {
    name: 'gaps',
    title: 'Gaps, forks',
    figure: true,
    cell: each => (each.gaps === 0 && each.forks === 0 ? '0' : <b className={classes.over}>{broken(each)}</b>),
  },
  {
    name: 'notUnderstood',
    title: 'Not understood',
    figure: true,
    cell: each => (each.notUnderstood === 0 ? '0' : <b className={classes.over}>{each.notUnderstood}</b>),
  },
  {
    name: 'rules',
    title: 'Policy, deny list',
    figure: true,
    cell: each => `${version(each.policyVersion)}, ${version(each.denyListVersion)}`,
  },
]

export const TerminalsPage = () => {
  const query = useAnswer<Aged & { readonly terminals: readonly Terminal[] }>('/api/terminals')
  const [inviting, setInviting] = useState(false)
  return (
    <Page
      title="Terminals"
      answer={query.data}
      fetchedAt={query.dataUpdatedAt}
      actions={
        <Allowed to="clerk">
          <Button
            leftSection={<Plus size={18} aria-hidden />}
            onClick={() => setInviting(true)}
            data-testid="terminal-invite"
          >
            Invite a terminal
          </Button>
        </Allowed>
      }
    >
      <Answered query={query}>
        {({ terminals }) =>
          terminals.length === 0 ? (
            <Empty title="No terminal yet">
              Invite one for a shop: it enrols with the code that is shown once, and stands here from then on.
            </Empty>
          ) : (
            <List label="Terminals" rows={terminals} keyOf={each => each.terminal} columns={columns} />
          )
        }
      </Answered>
      {inviting && (
        <Suspense>
          <Invite close={() => setInviting(false)} />
        </Suspense>
      )}
    </Page>
  )
}

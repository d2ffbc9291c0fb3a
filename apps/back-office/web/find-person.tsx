import { Anchor, Button, Stack, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { ask } from '#screens/api'
import { type Column, List } from '#screens/list'
import { Empty, Failure } from '#screens/states'
import type { Person } from './account-person.tsx'
import classes from './office.module.css'

interface Found {
  readonly people: readonly Person[]
  readonly mayBeMore: boolean
}

const columns: readonly Column<Person>[] = [
  {
    name: 'account',
    title: 'Account',
    cell: each => (
      <Anchor component={Link} to={`/accounts/${encodeURIComponent(each.account)}`} size="sm" fw={600}>
        {each.account}
      </Anchor>
    ),
  },
  { name: 'name', title: 'Name', wraps: true, cell: each => each.name },
  { name: 'address', title: 'Address', wraps: true, cell: each => each.address?.replaceAll('\n', ', ') ?? '' },
  { name: 'phone', title: 'Telephone', cell: each => each.phone ?? '' },
  { name: 'email', title: 'E-mail', wraps: true, cell: each => each.email ?? '' },
]

/** Somebody stands at the counter and does not know their account. Asked only when told to: each look is noted. */
export const FindPerson = () => {
  const [words, setWords] = useState('')
  const find = useMutation({ mutationFn: (asked: string) => ask<Found>('/api/people', { words: asked }) })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!find.isPending) find.mutate(words.trim())
  }
  return (
    <section aria-label="Find by name">
      <Stack gap="sm">
        <form onSubmit={submit} className={classes.filters}>
          <TextInput
            label="Find a holder"
            description="By name, telephone or e-mail; who looks is noted"
            maxLength={100}
            value={words}
            onChange={input => setWords(input.currentTarget.value)}
            data-testid="find-words"
          />
          <Button
            type="submit"
            variant="default"
            disabled={words.trim().length < 2}
            loading={find.isPending}
            data-testid="find"
          >
            Find
          </Button>
          {(find.data !== undefined || find.error !== null) && (
            <Button variant="subtle" onClick={find.reset} data-testid="find-clear">
              Clear
            </Button>
          )}
        </form>
        {find.error && <Failure error={find.error} title="Nobody was looked for" />}
        {find.data?.people.length === 0 && (
          <Empty title={`Nobody here is called “${find.variables}”`}>
            Fewer letters find more. A holder who was erased is not found.
          </Empty>
        )}
        {find.data && find.data.people.length > 0 && (
          <List label="Holders" rows={find.data.people} keyOf={each => each.account} columns={columns} />
        )}
        {find.data?.mayBeMore && <Text size="sm">There may be more: write more of the name.</Text>}
      </Stack>
    </section>
  )
}

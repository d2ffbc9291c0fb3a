import { Alert, Button, Group, Skeleton, Stack, Text } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { CircleAlert, Inbox, RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import { wordsOf } from './api.ts'
import classes from './screens.module.css'

/** A list with nothing in it: what it is, and what would fill it. */
export const Empty = ({ title, children }: { readonly title: string; readonly children: ReactNode }) => (
  <Stack align="center" gap={4} py="xl" px="md" data-testid="empty">
    <Inbox size={28} aria-hidden />
    <Text fw={600} ta="center">
      {title}
    </Text>
    <Text size="sm" c="dimmed" ta="center" maw={460}>
      {children}
    </Text>
  </Stack>
)

/** A refusal or a fault, in the words it came with. */
export const Failure = ({
  error,
  title,
  again,
}: {
  readonly error: unknown
  readonly title?: string
  readonly again?: () => void
}) => {
  const { reason, message } = wordsOf(error)
  return (
    <Alert
      role="alert"
      color="red"
      variant="outline"
      icon={<CircleAlert size={20} aria-hidden />}
      title={title ?? 'That did not work'}
      data-testid="failure"
      data-reason={reason}
    >
      <Text size="sm">{message}</Text>
      <Group justify="space-between" mt="xs">
        <Text size="xs" c="dimmed" ff="monospace">
          {reason}
        </Text>
        {again && (
          <Button
            size="xs"
            variant="default"
            leftSection={<RotateCw size={14} aria-hidden />}
            onClick={again}
            data-testid="retry"
          >
            Try again
          </Button>
        )}
      </Group>
    </Alert>
  )
}

/** Grey lines where rows will stand, so that nothing jumps when they come. */
export const Waiting = ({ lines = 5 }: { readonly lines?: number }) => (
  <Stack gap="sm" aria-busy="true" data-testid="loading">
    <span className={classes.hidden}>Loading</span>
    {Array.from({ length: lines }, (_, line) => (
      <Skeleton key={line} height={34} radius="sm" />
    ))}
  </Stack>
)

/**
 * The three ways a question can stand: not yet answered, failed, answered. An answer that could not be refreshed stays
 * on the screen, with the reason above it: old figures that say so are better than none.
 */
export const Answered = <Answer,>({
  query,
  lines,
  children,
}: {
  readonly query: UseQueryResult<Answer>
  readonly lines?: number
  readonly children: (answer: Answer) => ReactNode
}) => {
  if (query.data === undefined)
    return query.error ? (
      <Failure error={query.error} title="This cannot be shown" again={() => void query.refetch()} />
    ) : (
      <Waiting {...(lines === undefined ? {} : { lines })} />
    )
  return (
    <Stack gap="md">
      {query.error && (
        <Failure error={query.error} title="These figures could not be refreshed" again={() => void query.refetch()} />
      )}
      {children(query.data)}
    </Stack>
  )
}

/** Said aloud by screen readers when it changes; the region must be there before the words are. */
export const Announcement = ({ words }: { readonly words: string }) => (
  <div aria-live="assertive" aria-atomic="true" className={classes.hidden} data-testid="announcement">
    {words}
  </div>
)

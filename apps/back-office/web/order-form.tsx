import { Button, Group, Modal, Stack, TextInput, type TextInputProps } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
import { freshKey } from '#screens/api'
import { Failure } from '#screens/states'

/** What every order of this page has in common: it is written, given a reason, sent once, and told of. */

/** An order on its way: sent once however often Enter is pressed; when it was done, every figure is asked anew. */
export const useOrder = <Answer,>(send: () => Promise<Answer>, done?: (answer: Answer) => void) => {
  const client = useQueryClient()
  const { mutate, isPending, error, data } = useMutation({
    mutationFn: send,
    onSuccess: async answer => {
      done?.(answer)
      await client.invalidateQueries()
    },
  })
  const go = () => {
    if (!isPending) mutate()
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    go()
  }
  return { go, submit, isPending, error, data }
}

/** A line that is written. */
export const Line = ({
  say,
  testId,
  ...rest
}: Omit<TextInputProps, 'onChange'> & { readonly say: (words: string) => void; readonly testId: string }) => (
  <TextInput {...rest} onChange={input => say(input.currentTarget.value)} data-testid={testId} />
)

/** Why an operator orders what cannot be taken back: the log keeps it. */
export const Reason = (props: {
  readonly value: string
  readonly say: (reason: string) => void
  readonly testId: string
  readonly readBy?: string
}) => (
  <Line
    label="Reason"
    description={props.readBy ?? 'Read by the auditor'}
    value={props.value}
    maxLength={500}
    say={props.say}
    // Where nothing is written before it, it is what one writes first: the first that is marked so is chosen.
    data-autofocus
    testId={props.testId}
  />
)

/** What an order says besides its own words: why, and a key by which one that is sent again is the same. */
export type Said = { readonly reason: string; readonly key: string }

/**
 * Why, and confirm: a form over the page. What the order needs is written in it; it is sent when all is there and a
 * reason is given, stays with the refusal where it is refused, and goes when it is done.
 */
export const OrderForm = <Answer,>(props: {
  /** Names what is pressed: `<name>-reason`, `<name>-confirm`. */
  readonly name: string
  readonly title: string
  readonly confirm: string
  /** Above a refusal: how things stand now. */
  readonly failed: string
  readonly send: (said: Said) => Promise<Answer>
  readonly close: () => void
  /** The fields; those that only a refusal brings about are made of it. */
  readonly children?: ReactNode | ((refused: unknown) => ReactNode)
  /** Whether the fields are whole. */
  readonly ready?: boolean
  readonly asksReason?: boolean
  /** Not taken back. */
  readonly grave?: boolean
  readonly wide?: boolean
  /** What an answer has to show before the form goes: a code that is seen only here. */
  readonly shown?: (answer: Answer) => ReactNode
}) => {
  const { name, title, confirm, close, children, ready = true, asksReason = true, shown } = props
  const [reason, setReason] = useState('')
  // Sent again because the answer was lost, it is the same order.
  const [key] = useState(freshKey)
  const { submit, isPending, error, data } = useOrder(
    () => props.send({ reason: reason.trim(), key }),
    answer => {
      if (!shown?.(answer)) close()
    },
  )
  const told = data === undefined ? undefined : shown?.(data)
  return (
    <Modal
      opened
      onClose={close}
      centered
      title={title}
      {...(props.wide ? { size: 'lg' } : {})}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {told ?? (
        <form onSubmit={submit}>
          <Stack>
            {typeof children === 'function' ? children(error) : children}
            {asksReason && <Reason value={reason} say={setReason} testId={`${name}-reason`} />}
            {error && <Failure error={error} title={props.failed} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Not now
              </Button>
              <Button
                type="submit"
                {...(props.grave ? { color: 'red.9' } : {})}
                disabled={!ready || (asksReason && reason.trim() === '')}
                loading={isPending}
                data-testid={`${name}-confirm`}
              >
                {confirm}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  )
}

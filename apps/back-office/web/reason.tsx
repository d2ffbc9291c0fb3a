import { TextInput } from '@mantine/core'

/** Why an operator orders what cannot be taken back: the log keeps it. */
export const Reason = (props: {
  readonly value: string
  readonly say: (reason: string) => void
  readonly testId: string
}) => (
  <TextInput
    label="Reason"
    description="Read by the auditor"
    value={props.value}
    maxLength={500}
    onChange={input => props.say(input.currentTarget.value)}
    data-testid={props.testId}
  />
)

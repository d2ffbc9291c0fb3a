import { Button, Drawer, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { order } from '#screens/api'
import { writtenAmount } from '#screens/money'
import { Failure } from '#screens/states'
import type { Consent } from './answers.ts'
import classes from './phone.module.css'

/** Above the silent limit the holder says yes to this merchant and this amount, or nothing is signed. */
export const ConsentSheet = (props: {
  readonly phone: string
  readonly consent: Consent
  readonly inField: boolean
  readonly tapAgain: () => void
}) => {
  const { phone, consent, inField, tapAgain } = props
  const client = useQueryClient()
  const say = useMutation({
    mutationFn: (given: boolean) =>
      order(`/api/phones/${encodeURIComponent(phone)}/consent`, { transaction: consent.transaction, given }),
    onSuccess: async (_, given) => {
      // Out of the field the terminal cannot hear the answer: the phone goes back to it at once.
      if (given && !inField) tapAgain()
      await client.invalidateQueries()
    },
  })
  const refuse = () => {
    if (!say.isPending) say.mutate(false)
  }
  return (
    <Drawer
      opened
      onClose={refuse}
      position="bottom"
      size="auto"
      title="Pay this?"
      closeButtonProps={{ 'aria-label': 'Do not pay' }}
      classNames={{ content: classes.sheet ?? '' }}
    >
      <Stack gap="md" data-testid="consent-sheet">
        <div>
          <Text className={classes.consentAmount ?? ''}>
            {writtenAmount(consent.amount)} {consent.currency}
          </Text>
          <Text ta="center" size="lg">
            to <b>{consent.merchant}</b>
          </Text>
        </div>
        <Text size="sm" c="dimmed" ta="center">
          {inField
            ? 'The terminal waits for your answer. Keep the phone where it is.'
            : 'The phone has left the terminal. It taps again when you agree.'}
        </Text>
        {say.error && <Failure error={say.error} title="Your answer was not taken" />}
        <Button
          size="xl"
          loading={say.isPending}
          onClick={() => say.mutate(true)}
          data-autofocus
          data-testid="consent-agree"
        >
          Pay {writtenAmount(consent.amount)} {consent.currency}
        </Button>
        <Button size="lg" variant="default" onClick={refuse} data-testid="consent-refuse">
          Do not pay
        </Button>
      </Stack>
    </Drawer>
  )
}

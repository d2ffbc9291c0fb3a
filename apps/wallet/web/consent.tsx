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
  readonly refuse: () => void
}) => {
  const { phone, consent, inField, tapAgain, refuse } = props
  const client = useQueryClient()
  const agree = useMutation({
    mutationFn: () => order(`/api/phones/${encodeURIComponent(phone)}/consent`, { transaction: consent.transaction }),
    onSuccess: async () => {
      // Out of the field the terminal cannot hear the answer: the phone goes back to it at once.
      if (!inField) tapAgain()
      await client.invalidateQueries()
    },
  })
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
        {agree.error && <Failure error={agree.error} title="The consent was not taken" />}
        <Button
          size="xl"
          loading={agree.isPending}
          onClick={() => agree.mutate()}
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

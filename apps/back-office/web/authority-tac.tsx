import { Button, Group, Text } from '@mantine/core'
import { useState } from 'react'
import { order } from '#screens/api'
import { OrderForm } from './order-form.tsx'
import { Allowed } from './session.tsx'

/** The master keys that TACs are derived from, by id: they never leave the centre, and none is shown. */
export const TacMasters = ({ ids }: { readonly ids: readonly string[] }) => {
  const [asked, setAsked] = useState(false)
  const newest = ids.at(-1)
  return (
    <>
      <Text size="sm" data-testid="tac-masters" style={{ overflowWrap: 'anywhere' }}>
        {newest === undefined ? (
          'No master key yet.'
        ) : (
          <>
            Licenses that are issued now name <code>{newest}</code>
            {ids.length > 1 && <>; older ones are checked by {ids.slice(0, -1).join(', ')}</>}.
          </>
        )}
      </Text>
      <Allowed to="administrator">
        <Group>
          <Button variant="default" onClick={() => setAsked(true)} data-testid="tac-introduce">
            Introduce another
          </Button>
        </Group>
      </Allowed>
      {asked && (
        <OrderForm
          name="tac"
          title="Introduce a TAC master key"
          confirm="Introduce it"
          failed="Nothing was done"
          close={() => setAsked(false)}
          send={({ reason }) => order('/api/authority/tac-masters', { reason })}
        >
          <Text size="sm">
            A new master key is made here. Licenses that are issued from now on name it; what phones of older ones pay
            is still checked by theirs, so that nobody need renew at once.
          </Text>
        </OrderForm>
      )}
    </>
  )
}

import { Alert, Button, Group, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Unplug } from 'lucide-react'
import { order } from '#screens/api'
import { Money } from '#screens/money'
import { Failure } from '#screens/states'
import type { Sale } from './answers.ts'
import { useSaid } from './said.ts'

/** Sales that were put aside while their phone may have paid: taken up again here, or given up. */
export const Torn = ({ sales, takeUp }: { readonly sales: readonly Sale[]; readonly takeUp: () => void }) => {
  const said = useSaid()
  const client = useQueryClient()
  const act = useMutation({
    mutationFn: ({ sale, what }: { readonly sale: string; readonly what: 'resume' | 'cancel' }) =>
      order<Sale>(`/api/sales/${encodeURIComponent(sale)}/${what}`),
    onSuccess: (_, { what }) => {
      if (what === 'resume') takeUp()
      return client.invalidateQueries({ queryKey: ['till'] })
    },
  })
  if (sales.length === 0) return null
  return (
    <Alert
      color="orange"
      variant="outline"
      mb="sm"
      title={sales.length === 1 ? said('oneTorn') : `${sales.length} ${said('manyTorn')}`}
      icon={<Unplug size={20} aria-hidden />}
      data-testid="torn-sales"
    >
      {sales.map(each => (
        <Group key={each.sale} justify="space-between" gap="xs" mt={6} data-testid={`torn-${each.sale}`}>
          <Text span fw={600}>
            <Money amount={each.amount} currency={each.currency} />
          </Text>
          <Group gap={6}>
            <Button
              size="compact-sm"
              disabled={act.isPending}
              onClick={() => act.mutate({ sale: each.sale, what: 'resume' })}
              data-testid={`resume-${each.sale}`}
            >
              {said('tapAgain')}
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              disabled={act.isPending}
              onClick={() => act.mutate({ sale: each.sale, what: 'cancel' })}
              data-testid={`cancel-${each.sale}`}
            >
              {said('cancel')}
            </Button>
          </Group>
        </Group>
      ))}
      {act.error && <Failure error={act.error} title={said('saleStays')} />}
    </Alert>
  )
}

import { Badge } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { ask } from '#screens/api'

/** Of a centre that moves no real money, said on every page: nobody is to take the one for the other. */
export const ModeMark = () => {
  const { data } = useQuery({
    queryKey: ['mode'],
    queryFn: ({ signal }) => ask<{ readonly mode: 'test' | 'live' }>('/api/health', {}, signal),
    // A centre is founded as the one or the other, and stays so.
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (data?.mode !== 'test') return null
  return (
    <Badge variant="filled" color="#6b3fa0" data-testid="mode" title="A test centre: no real money moves here">
      Test
    </Badge>
  )
}

import { useQuery } from '@tanstack/react-query'
import { ask } from '#screens/api'
import { TestMark } from '#screens/mode'

/** Of a centre that moves no real money, said on every page: nobody is to take the one for the other. */
export const ModeMark = () => {
  const { data } = useQuery({
    queryKey: ['mode'],
    queryFn: ({ signal }) => ask<{ readonly mode: 'test' | 'live' }>('/api/health', {}, signal),
    // A centre is founded as the one or the other, and stays so.
    staleTime: Number.POSITIVE_INFINITY,
  })
  return <TestMark mode={data?.mode} says="A test centre: no real money moves here" />
}

import { Badge } from '@mantine/core'

/** Where no real money moves, said wherever somebody could take it for the other: nothing is said of the other. */
export const TestMark = ({ mode, says }: { readonly mode: 'test' | 'live' | undefined; readonly says: string }) =>
  mode === 'test' && (
    <Badge variant="filled" color="#6b3fa0" data-testid="mode" title={says}>
      Test
    </Badge>
  )

import { Title } from '@mantine/core'
import { Answered } from '#screens/states'
import { type Merchant, useAnswer } from './answers.ts'
import { CreditBounds } from './authority-bounds.tsx'
import { type DenyList, DenyListPanel } from './authority-deny-list.tsx'
import { type FareTable, FareTables } from './authority-fares.tsx'
import { type AuthorityKey, Keys } from './authority-keys.tsx'
import { Policies, type Policy } from './authority-policies.tsx'
import { type KeySetState, RootPanel } from './authority-root.tsx'
import { TacMasters } from './authority-tac.tsx'
import { Page } from './frame.tsx'

type Answer = KeySetState & {
  readonly keys: readonly AuthorityKey[]
  readonly tacMasters: readonly string[]
  readonly fareTables: readonly FareTable[]
  readonly policies: readonly Policy[]
  readonly denyList: DenyList
}

/** Which keys sign, what terminals may do while they are offline, and whom they turn away. */
export const AuthorityPage = () => {
  const query = useAnswer<Answer>('/api/authority')
  const merchants = useAnswer<{ readonly merchants: readonly Merchant[] }>('/api/merchants')
  return (
    <Page title="Authority" fetchedAt={query.dataUpdatedAt}>
      <Answered query={query} lines={8}>
        {({ keys, keySet, waitsForRoot, tacMasters, policies, fareTables, denyList }) => (
          <>
            <Title order={2} size="h4">
              Keys
            </Title>
            <RootPanel of={{ waitsForRoot, ...(keySet ? { keySet } : {}) }} />
            <Keys keys={keys} />
            <Title order={2} size="h4" mt="sm">
              TAC master keys
            </Title>
            <TacMasters ids={tacMasters} />
            <Title order={2} size="h4" mt="sm">
              Policies
            </Title>
            <Policies policies={policies} />
            <Title order={2} size="h4" mt="sm">
              Credit one person may give
            </Title>
            <CreditBounds />
            <Title order={2} size="h4" mt="sm">
              Fare tables
            </Title>
            <FareTables tables={fareTables} merchants={merchants.data?.merchants ?? []} />
            <Title order={2} size="h4" mt="sm">
              Deny list
            </Title>
            <DenyListPanel list={denyList} />
          </>
        )}
      </Answered>
    </Page>
  )
}

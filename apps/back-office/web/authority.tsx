import { Alert, Text, Title } from '@mantine/core'
import { TriangleAlert } from 'lucide-react'
import { Answered } from '#screens/states'
import { useAnswer } from './answers.ts'
import { type DenyList, DenyListPanel } from './authority-deny-list.tsx'
import { type AuthorityKey, Keys } from './authority-keys.tsx'
import { Policies, type Policy } from './authority-policies.tsx'
import { Page } from './frame.tsx'

type Answer = {
  readonly keys: readonly AuthorityKey[]
  readonly keySet?: { readonly version: number; readonly hash: string }
  readonly waitsForRoot: boolean
  readonly policies: readonly Policy[]
  readonly denyList: DenyList
}

/** Which keys sign, what terminals may do while they are offline, and whom they turn away. */
export const AuthorityPage = () => {
  const query = useAnswer<Answer>('/api/authority')
  return (
    <Page title="Authority" fetchedAt={query.dataUpdatedAt}>
      <Answered query={query} lines={8}>
        {({ keys, keySet, waitsForRoot, policies, denyList }) => (
          <>
            {waitsForRoot && (
              <Alert
                role="status"
                color="orange"
                variant="outline"
                icon={<TriangleAlert size={20} aria-hidden />}
                title="The root has not signed this yet"
                data-testid="waits-for-root"
              >
                <Text size="sm">
                  Terminals and phones hear of the last changes when the root has signed a key set that says them.
                </Text>
              </Alert>
            )}
            <Title order={2} size="h4">
              Keys
            </Title>
            <Text size="sm" data-testid="key-set">
              {keySet === undefined ? 'No key set was published yet.' : `Key set ${keySet.version} is published.`}
            </Text>
            <Keys keys={keys} />
            <Title order={2} size="h4" mt="sm">
              Policies
            </Title>
            <Policies policies={policies} />
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

import { Alert, Anchor, Button, Group, Stack, Text, Textarea } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { TriangleAlert } from 'lucide-react'
import { useState } from 'react'
import { ask, order } from '#screens/api'
import { Failure } from '#screens/states'
import classes from './office.module.css'
import { OrderForm } from './order-form.tsx'
import { Allowed } from './session.tsx'

export interface KeySetState {
  readonly keySet?: { readonly version: number; readonly hash: string }
  readonly waitsForRoot: boolean
}

/** Which key set is published; and, where the root lies elsewhere, what it has to sign and where that comes back. */
export const RootPanel = ({ of: { keySet, waitsForRoot } }: { readonly of: KeySetState }) => (
  <>
    {waitsForRoot && <WaitsForRoot />}
    <Group gap="md">
      <Text size="sm" data-testid="key-set">
        {keySet === undefined ? 'No key set was published yet.' : `Key set ${keySet.version} is published.`}
      </Text>
      {keySet !== undefined && (
        <Anchor href="/api/authority/key-set" download={`key-set-${keySet.version}.json`} size="sm">
          The signed document
        </Anchor>
      )}
    </Group>
  </>
)

const WaitsForRoot = () => {
  const [bringing, setBringing] = useState(false)
  const [document, setDocument] = useState('')
  const unsigned = useMutation({
    mutationFn: () => ask<{ readonly version?: number }>('/api/authority/key-set/unsigned'),
  })
  const text = unsigned.data && JSON.stringify(unsigned.data, null, 2)
  return (
    <Alert
      role="status"
      color="orange"
      variant="outline"
      icon={<TriangleAlert size={20} aria-hidden />}
      title="The root has not signed this yet"
      data-testid="waits-for-root"
    >
      <Stack gap="sm">
        <Text size="sm">
          Terminals and phones hear of the last changes when the root has signed a key set that says them.
        </Text>
        <Allowed to="administrator">
          {unsigned.error && <Failure error={unsigned.error} title="This cannot be shown" />}
          {text !== undefined &&
            (unsigned.data?.version === undefined ? (
              <Text size="sm" data-testid="unsigned-none">
                The root has signed all meanwhile.
              </Text>
            ) : (
              <>
                <Text size="sm">
                  Take this to where the root lies, compare what it says with what you ordered, and have it signed.
                </Text>
                <pre
                  className={classes.document}
                  // Who goes by keyboard scrolls it by the arrows.
                  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must take the focus (WCAG 2.1.1)
                  tabIndex={0}
                  aria-label="Unsigned key set"
                  data-testid="unsigned-key-set"
                >
                  {text}
                </pre>
                <Anchor
                  href={`data:application/json,${encodeURIComponent(text)}`}
                  download={`unsigned-key-set-${unsigned.data.version}.json`}
                  size="sm"
                >
                  Keep it as a file
                </Anchor>
              </>
            ))}
          <Group gap="xs">
            <Button
              variant="default"
              loading={unsigned.isPending}
              onClick={() => unsigned.mutate()}
              data-testid="key-set-unsigned"
            >
              Show what it has to sign
            </Button>
            <Button variant="default" onClick={() => setBringing(true)} data-testid="key-set-bring">
              Bring the signed one
            </Button>
          </Group>
        </Allowed>
      </Stack>
      {bringing && (
        <OrderForm
          name="key-set"
          title="Bring the signed key set"
          confirm="Publish it"
          failed="Nothing was published"
          asksReason={false}
          ready={document.trim() !== ''}
          close={() => setBringing(false)}
          send={() => order('/api/authority/key-set', { document: document.trim() })}
        >
          <Text size="sm">
            It is published if the root signed it and it says, to the last date, what was decided here.
          </Text>
          <Textarea
            label="Signed key set"
            description="As it came from the root, in base64url"
            autosize
            minRows={4}
            maxRows={10}
            required
            spellCheck={false}
            value={document}
            onChange={input => setDocument(input.currentTarget.value)}
            data-autofocus
            data-testid="key-set-document"
          />
        </OrderForm>
      )}
    </Alert>
  )
}

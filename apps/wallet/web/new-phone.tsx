import { Button, Group, Radio, Stack, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { order } from '#screens/api'
import { Failure } from '#screens/states'
import type { PhoneInList, Suite } from './answers.ts'
import { suiteWords } from './suites.ts'

/** A phone makes its key, and a code of the back office brings it to an account. */
export const NewPhone = () => {
  const client = useQueryClient()
  const [shown, setShown] = useState(false)
  const [code, setCode] = useState('')
  const [suite, setSuite] = useState<Suite>('P256-AUTH')
  const add = useMutation({
    mutationFn: () => order<PhoneInList>('/api/phones', { code: code.trim(), suite }),
    onSuccess: () => {
      setShown(false)
      setCode('')
      return client.invalidateQueries()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!add.isPending) add.mutate()
  }
  if (!shown)
    return (
      <Button
        variant="default"
        fullWidth
        mt="md"
        leftSection={<Plus size={18} aria-hidden />}
        onClick={() => setShown(true)}
        data-testid="phone-add"
      >
        Add a phone
      </Button>
    )
  return (
    <form onSubmit={submit}>
      <Stack mt="lg" gap="md">
        <TextInput
          label="Activation code"
          description="The back office gives it out for an account. It is good for one phone and one day."
          placeholder="XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XX"
          value={code}
          onChange={event => setCode(event.currentTarget.value)}
          autoFocus
          autoComplete="off"
          autoCapitalize="characters"
          spellCheck={false}
          required
          data-testid="phone-code"
        />
        <Radio.Group label="How this phone seals its payments" value={suite} onChange={value => setSuite(value)}>
          <Stack gap="xs" mt={6}>
            {(['P256-AUTH', 'RSA-RECOVERY'] as const).map(each => (
              <Radio
                key={each}
                value={each}
                label={each}
                description={suiteWords[each]}
                data-testid={`phone-suite-${each}`}
              />
            ))}
          </Stack>
        </Radio.Group>
        {add.error && <Failure error={add.error} title="No phone was added" />}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => setShown(false)}>
            Not now
          </Button>
          <Button type="submit" loading={add.isPending} data-testid="phone-create">
            Add the phone
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

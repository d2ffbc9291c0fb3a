import { Alert, Button, Group, Modal, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { generate } from 'lean-qr'
import { CircleCheck } from 'lucide-react'
import { type FormEvent, useMemo, useState } from 'react'
import { ask, order } from '#screens/api'
import { Money } from '#screens/money'
import { Answered, Failure } from '#screens/states'
import type { PaidReceipt, Receipt as PrintedReceipt } from './answers.ts'
import { useSaid } from './said.ts'
import classes from './till.module.css'

/** A payment, a void or a refund as paper, with the code that proves it. A copy that is printed is a record, and says that it is a copy. */
export const Receipt = (props: {
  readonly of: 'transactions' | 'reversals'
  readonly id: string
  readonly close: () => void
}) => {
  const { of, id, close } = props
  const said = useSaid()
  const client = useQueryClient()
  const path = `/api/${of}/${encodeURIComponent(id)}`
  const key = ['receipt', id]
  const query = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => ask<PrintedReceipt>(`${path}/receipt`, {}, signal),
  })
  const copy = useMutation({
    mutationFn: () => order<PrintedReceipt>(`${path}/reprint`),
    onSuccess: printed => client.setQueryData(key, printed),
  })
  return (
    <Modal opened onClose={close} centered title={said('receipt')} closeButtonProps={{ 'aria-label': said('close') }}>
      <Answered query={query} lines={8}>
        {receipt => (
          <Stack align="center" gap="sm">
            <pre className={classes.paper ?? ''} data-testid="receipt-text">
              {receipt.text['32']}
            </pre>
            <Code text={receipt.code} label={said('codeOf')} />
            {copy.error && <Failure error={copy.error} title={said('nothingDone')} />}
            <Button
              variant="default"
              loading={copy.isPending}
              onClick={() => copy.mutate()}
              data-autofocus
              data-testid="receipt-copy"
            >
              {said('printCopy')}
            </Button>
          </Stack>
        )}
      </Answered>
    </Modal>
  )
}

/** Dark on light whatever the scheme, with the quiet zone of four modules that readers need. */
const Code = ({ text, label }: { readonly text: string; readonly label: string }) => {
  const { size, path } = useMemo(() => {
    const code = generate(text)
    let path = ''
    for (let y = 0; y < code.size; y++)
      for (let x = 0; x < code.size; x++) if (code.get(x, y)) path += `M${x + 4} ${y + 4}h1v1h-1z`
    return { size: code.size + 8, path }
  }, [text])
  return (
    <svg
      viewBox={`0 0 ${size} ${size}`}
      className={classes.code}
      role="img"
      aria-label={label}
      shapeRendering="crispEdges"
      data-testid="receipt-code"
      data-modules={size - 8}
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  )
}

/** Money back on a receipt of any till of the merchant. */
export const RefundReceipt = ({ close }: { readonly close: () => void }) => {
  const said = useSaid()
  const client = useQueryClient()
  const [code, setCode] = useState('')
  const [amount, setAmount] = useState('')
  // One dialog is one reversal, however often its button is pressed.
  const [reversal] = useState(() => crypto.randomUUID())
  const read = useMutation({ mutationFn: () => order<PaidReceipt>('/api/receipts/read', { receipt: code.trim() }) })
  const refund = useMutation({
    mutationFn: () =>
      order('/api/refunds', { receipt: code.trim(), amount: amount.trim().replace(',', '.'), reversal }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['till'] }),
  })
  const found = read.data
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (refund.isPending || read.isPending) return
    if (found) refund.mutate()
    else read.mutate()
  }
  return (
    <Modal
      opened
      onClose={close}
      centered
      title={said('refundReceipt')}
      closeButtonProps={{ 'aria-label': said('close') }}
    >
      {refund.isSuccess ? (
        <Stack>
          <Alert color="green" variant="outline" icon={<CircleCheck size={20} aria-hidden />} data-testid="refunded">
            {said('toBeConfirmed')}
          </Alert>
          <Button onClick={close} data-autofocus data-testid="refund-done">
            {said('done')}
          </Button>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <Text size="sm">{said('refundReceiptHint')}</Text>
            <Textarea
              label={said('receiptCode')}
              rows={3}
              value={code}
              readOnly={found !== undefined}
              onChange={event => setCode(event.currentTarget.value)}
              data-autofocus
              data-testid="refund-code"
            />
            {found && (
              <>
                <Text>
                  {said('paidThere')} {found.terminal}, {said('receipt')} {found.receiptNumber}:{' '}
                  <Money amount={found.amount} currency={found.currency} />
                </Text>
                <TextInput
                  label={`${said('giveBack')} (${found.currency})`}
                  description={`${said('leftToGive')}: ${found.left}`}
                  inputMode="decimal"
                  value={amount}
                  onChange={event => setAmount(event.currentTarget.value)}
                  data-testid="refund-receipt-amount"
                />
              </>
            )}
            {(read.error ?? refund.error) && <Failure error={read.error ?? refund.error} title={said('nothingDone')} />}
            <Group justify="flex-end">
              <Button
                type="submit"
                loading={read.isPending || refund.isPending}
                disabled={found ? !/^\d+([.,]\d+)?$/.test(amount.trim()) : code.trim() === ''}
                {...(found ? { color: '#a32222' } : {})}
                data-testid="refund-next"
              >
                {found ? said('refund') : said('read')}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  )
}

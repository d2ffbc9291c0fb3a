import { expect, it } from 'vitest'
import { hex } from '#canonical/bytes'
import { encodeDecline, encodePaymentRequest, encodeStatus, makeHello, makeReceipt } from '#license/records'
import { amount } from '#money'
import { statementVectors } from '../vectors/statements.ts'
import { now_s, tap, world } from './fixture.ts'

/**
 * Version 1 of every statement, octet for octet. What is on phones and in logs is in this form: a test here that fails
 * tells of a new version that has not been named one.
 */
const here = world('version 1')
const { crypto, terminal, phone } = here
const { sealing, deduction, deductionBytes, made } = tap(here)
const { p256 } = terminal.keys
const { transaction, head } = deduction

const made1: Readonly<Record<keyof typeof statementVectors, Uint8Array>> = {
  keySet: here.keySetBytes,
  policy: here.policyBytes,
  denyList: here.denyListBytes,
  license: phone.licenseBytes,
  certificate: terminal.certificateBytes,
  hello: makeHello(
    crypto,
    {
      versions: [1],
      terminal: 'T-1',
      currency: 'EUR',
      authorityKeys: [phone.license.kid],
      sealing: sealing.publicKey,
      time: now_s,
    },
    p256,
  ),
  status: encodeStatus({
    card: phone.license.card,
    allowanceLeft: amount(20_000n),
    counter: 0,
    day: { date: '2026-11-23', sum: amount(0n) },
    place: { flag: 'none' },
  }),
  deduction: deductionBytes,
  paymentRequest: encodePaymentRequest({ transaction }),
  payload: made.payload,
  signedPayment: made.signed,
  sealedPayment: made.sealed,
  decline: encodeDecline({ reason: 'earlier payment open', transaction }),
  receipt: makeReceipt(crypto, { transaction, payment: made.paymentHash, receiptNumber: 1, revision: 4, head }, p256),
}

it.each(Object.entries(statementVectors))('%s', (name, octets) =>
  expect(hex(made1[name as keyof typeof statementVectors])).toBe(octets),
)

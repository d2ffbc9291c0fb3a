import { Body, Controller, Get, HttpCode, Param, Post, type Type } from '@nestjs/common'
import { z } from 'zod'
import { isRefusal } from '#canonical/decider'
import { bodyOf, fieldOf } from '#http/refusals'
import { By, For, Open } from '#http/roles'
import { type Amount, type Currency, formatAmount, isCurrency, parseAmount } from '#money'
import type { BackOffice } from '../back-office.ts'
import { Asking, type Door } from './asking.ts'
import { amountText, currency, id, reasonBody, reasonText, words } from './words.ts'

const keyBody = z.object({
  purpose: z.enum(['license', 'certificate', 'rules', 'log']),
  /** From when on it signs; by default as late as whoever verifies may need to learn of it. */
  notBefore: z.iso.datetime({ offset: true }).optional(),
  reason: reasonText,
})
const keySetBody = z.object({ document: z.string().max(65_536) })
const entries = z.array(z.string().max(64)).max(10_000).default([])
const denyBody = z.object({ licenses: entries, cards: entries, reason: reasonText })
const count = z.int().nonnegative().max(1_000_000)
const countAndSum = z.object({ count, sum: amountText })
const policyBody = z.object({
  perTransaction: amountText.optional(),
  /** Null takes it out of the policy. */
  silentMax: amountText.nullable().optional(),
  perKeyOnTerminal: amountText.optional(),
  sinceSeen: countAndSum.optional(),
  stored: countAndSum.optional(),
  hoursSinceSync: count.optional(),
  denyListAge_hours: count.optional(),
  policyAge_hours: count.optional(),
  clockTolerance_s: count.optional(),
  roundTrip_ms: count.optional(),
  /** Null takes it out of the policy. */
  rollOver_hour: z.int().min(0).max(23).nullable().optional(),
  overridable: z.array(words).max(50).optional(),
  suites: z
    .array(z.enum(['P256-AUTH', 'RSA-RECOVERY']))
    .min(1)
    .max(2)
    .optional(),
  reason: reasonText,
})
const fareBody = z.object({
  currency,
  stations: z
    .array(z.object({ station: words, zone: count }))
    .min(1)
    .max(5000),
  fares: z
    .array(z.object({ zones: count, amount: amountText }))
    .min(1)
    .max(500),
  reason: reasonText,
})
const kid = z.string().regex(/^[0-9a-f]{16}$/, 'a key id has 16 hexadecimal digits')

type By = { readonly by: string }

/** Text that is not an amount of this currency is refused with its field. */
const amountIn = (text: string, of: string, field: string): Amount =>
  fieldOf(
    z.string().transform((said, context) => {
      const read = parseAmount(said, of)
      if (typeof read === 'bigint') return read
      context.addIssue({ code: 'custom', message: isRefusal(read) ? read.message : 'not an amount' })
      return z.NEVER
    }),
    text,
    field,
  )

const changeOf = (of: string, { reason: _, ...said }: z.infer<typeof policyBody>) => {
  const { perTransaction, silentMax, perKeyOnTerminal, sinceSeen, stored, ...rest } = said
  const sums = { perTransaction, silentMax, perKeyOnTerminal }
  const amounts = Object.entries(sums).flatMap(([field, text]) =>
    text === undefined ? [] : [[field, text === null ? null : amountIn(text, of, field)] as const],
  )
  const counted = Object.entries({ sinceSeen, stored }).flatMap(([field, value]) =>
    value ? [[field, { count: value.count, sum: amountIn(value.sum, of, `${field}.sum`) }] as const] : [],
  )
  const others = Object.entries(rest).filter(([, value]) => value !== undefined)
  return Object.fromEntries([...amounts, ...counted, ...others])
}

/** A document of one currency with its amounts as people write them, wherever in it they stand. */
const written = (document: { readonly currency: Currency }): unknown =>
  JSON.parse(
    JSON.stringify(document, (_, each: unknown) =>
      typeof each === 'bigint' ? formatAmount(each, document.currency) : each,
    ),
  )

/** The authority's keys, and what it decrees: policies, the deny list, fare tables. */
export const authorityRoutes = (node: BackOffice, door: Door): Type => {
  const { authority, book } = node
  const Look = door.question('Authority', async () => {
    const { policies, fareTables, denyList } = await book.look()
    const documents = { policies: policies.map(written), fareTables: fareTables.map(written) }
    return { ...(await authority.look()), denyList, ...documents }
  })
  const KeySetDocument = door.question('KeySetDocument', () => authority.keySet())
  const UnsignedKeySet = door.question('UnsignedKeySet', async () => (await authority.unsignedKeySetText()) ?? null)
  const RotateKey = door.order('RotateKey', (asked: z.infer<typeof keyBody> & By) => authority.rotateKey(asked))
  const RetireKey = door.order('RetireKey', (asked: { kid: string; reason: string } & By) => authority.retireKey(asked))
  const CompromiseKey = door.order('CompromiseKey', (asked: { kid: string; reason: string } & By) =>
    authority.compromiseKey(asked),
  )
  const BringKeySet = door.order('BringKeySet', (asked: z.infer<typeof keySetBody> & By) =>
    authority.bringKeySet(asked),
  )
  const IntroduceTacMaster = door.order('IntroduceTacMaster', (asked: { reason: string } & By) =>
    authority.introduceTacMaster(asked),
  )
  const Deny = door.order('Deny', ({ reason, by, ...asked }: z.infer<typeof denyBody> & By) =>
    node.deny(asked, by, reason),
  )
  const Undeny = door.order('Undeny', ({ reason, by, ...asked }: z.infer<typeof denyBody> & By) =>
    node.undeny(asked, by, reason),
  )
  const SetPolicy = door.order('SetPolicy', (asked: Parameters<typeof book.setPolicy>[0]) => book.setPolicy(asked))
  const PublishFareTable = door.order('PublishFareTable', (asked: Parameters<typeof book.publishFareTable>[0]) =>
    book.publishFareTable(asked),
  )

  @Controller('api/authority')
  class AuthorityController extends Asking {
    @For('viewer') @Get() look() {
      return this.ask(new Look.Message(undefined))
    }
    @Open('whoever verifies: the key set is signed, and no secret') @Get('key-set') keySet() {
      return this.ask(new KeySetDocument.Message(undefined))
    }
    @For('administrator') @Get('key-set/unsigned') unsigned() {
      return this.ask(new UnsignedKeySet.Message(undefined))
    }
    @For('administrator') @Post('key-set') @HttpCode(201) bring(@Body() body: unknown, @By() by: string) {
      return this.order(new BringKeySet.Message({ ...bodyOf(keySetBody, body), by }))
    }
    @For('administrator') @Post('keys') @HttpCode(201) rotate(@Body() body: unknown, @By() by: string) {
      return this.order(new RotateKey.Message({ ...bodyOf(keyBody, body), by }))
    }
    @For('administrator') @Post('keys/:kid/retire') @HttpCode(200) retire(
      @Param('kid') key: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new RetireKey.Message({ kid: fieldOf(kid, key, 'kid'), ...bodyOf(reasonBody, body), by }))
    }
    @For('administrator') @Post('keys/:kid/compromise') @HttpCode(200) compromise(
      @Param('kid') key: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new CompromiseKey.Message({ kid: fieldOf(kid, key, 'kid'), ...bodyOf(reasonBody, body), by }))
    }
    @For('administrator') @Post('tac-masters') @HttpCode(201) tacMaster(@Body() body: unknown, @By() by: string) {
      return this.order(new IntroduceTacMaster.Message({ ...bodyOf(reasonBody, body), by }))
    }
    @For('clerk') @Post('deny-list/add') @HttpCode(200) deny(@Body() body: unknown, @By() by: string) {
      return this.order(new Deny.Message({ ...bodyOf(denyBody, body), by }))
    }
    @For('approver') @Post('deny-list/remove') @HttpCode(200) undeny(@Body() body: unknown, @By() by: string) {
      return this.order(new Undeny.Message({ ...bodyOf(denyBody, body), by }))
    }
    @For('administrator') @Post('policies/:currency') @HttpCode(200) policy(
      @Param('currency') of: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      const code = fieldOf(z.string().refine(isCurrency, 'not a currency that is known here'), of, 'currency')
      const asked = bodyOf(policyBody, body)
      return this.order(
        new SetPolicy.Message({ currency: code, change: changeOf(code, asked), reason: asked.reason, by }),
      )
    }
    @For('administrator') @Post('fare-tables/:merchant') @HttpCode(200) fares(
      @Param('merchant') merchant: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      const { reason, ...table } = bodyOf(fareBody, body)
      const fares = table.fares.map(({ zones, amount }, place) => ({
        zones,
        amount: amountIn(amount, table.currency, `fares.${place}.amount`),
      }))
      const whose = { ...table, fares, merchant: fieldOf(id, merchant, 'merchant') }
      return this.order(new PublishFareTable.Message({ table: whose, reason, by }))
    }
  }
  return AuthorityController
}

import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { isRefusal, type Refusal } from '#canonical/decider'
import { Malformed } from '#canonical/malformed'

/**
 * Refusals and faults as HTTP, in one place. A body is always `{reason, message, …figures}`: what went wrong, in a
 * word that programs can hold on to, and in a sentence that says what to do.
 */

/** A refusal on its way out of a controller. */
export class Refused extends Error {
  readonly code = 'Refused'
  constructor(readonly refusal: Refusal) {
    super(refusal.message)
  }
}

/** The answer, or the refusal thrown for the filter below. */
export const answered = <Answer>(answer: Answer | Refusal): Answer => {
  if (typeof answer === 'object' && answer !== null && isRefusal(answer)) throw new Refused(answer)
  return answer
}

const notFound = /(Unknown|NotFound)$/
const unauthorized = new Set(['PinWrong', 'NotSignedIn', 'SessionEnded', 'SignInRefused'])
const forbidden = new Set([
  'ForeignSite',
  'BatchSignatureInvalid',
  'EnrolmentSignatureInvalid',
  'ProofInvalid',
  'ModeMismatch',
  'RequestSignatureInvalid',
  'RequestTimeOff',
  'RoleTooLow',
  'NotASupervisor',
  'OverrideNotAllowed',
])
const malformed = new Set([
  'PinMalformed',
  'ReceiptMalformed',
  'StaffNumberMalformed',
  'BodyMalformed',
  'AmountMalformed',
  'CurrencyUnknown',
  'AmountNotPositive',
  'TimeMalformed',
])

const statusOf = (reason: string): number => {
  if (malformed.has(reason)) return 400
  if (unauthorized.has(reason)) return 401
  if (forbidden.has(reason) || reason === 'PasswordMustChange') return 403
  if (notFound.test(reason)) return 404
  if (reason.endsWith('Throttled')) return 429
  if (reason.endsWith('Unreachable')) return 503
  return 409
}

/** Figures of a refusal are minor units; JSON knows no bigint. */
const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value)

type Body = { readonly reason: string; readonly message: string }

/** Reads a body by its schema; the refusal names the field. */
export const bodyOf = <Schema extends z.ZodType>(schema: Schema, body: unknown): z.infer<Schema> => {
  return fieldOf(schema, body ?? {}, 'body')
}

/** Reads one value by its schema: a header, or a part of the path. */
export const fieldOf = <Schema extends z.ZodType>(schema: Schema, value: unknown, name: string): z.infer<Schema> => {
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const issue = read.error.issues[0]
  const field = issue?.path.join('.') || name
  throw new Refused({
    reason: 'BodyMalformed',
    message: `${field}: ${issue?.message}. Nothing was done.`,
    field,
  })
}

@Catch()
export class RefusalFilter implements ExceptionFilter {
  constructor(private readonly report: (error: Error) => void) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>()
    const [status, body] = this.read(error)
    const { retryAfter_s } = body as { retryAfter_s?: unknown }
    const wait_s = typeof retryAfter_s === 'number' ? retryAfter_s : status === 503 ? 1 : undefined
    if (wait_s !== undefined) void reply.header('retry-after', `${wait_s}`)
    void reply.status(status).type('application/json').send(JSON.stringify(body, plain))
  }

  private read(error: unknown): [number, Body] {
    if (error instanceof Refused) return [statusOf(error.refusal.reason), error.refusal]
    if (error instanceof Malformed)
      return [400, { reason: 'BodyMalformed', message: `${error.message}. Nothing was done.` }]
    const fault = error as Error & { code?: string; statusCode?: number; status?: number; retryAfter_s?: number }
    if (error instanceof HttpException || (fault.statusCode ?? 500) < 500) {
      const status = error instanceof HttpException ? error.getStatus() : (fault.statusCode as number)
      const reason = status === 404 ? 'PathUnknown' : status === 413 ? 'BodyTooLarge' : 'BodyMalformed'
      return [status, { reason, message: `${fault.message}. Nothing was done.` }]
    }
    this.report(fault)
    if (
      fault.code === 'StoreFailed' ||
      fault.code === 'RowsAway' ||
      fault.code === 'SignerFailed' ||
      fault.code === 'PasswordsBusy' ||
      fault.code === 'WrongExpectedRevision'
    )
      return [503, { reason: fault.code, message: `${fault.message} Try again; nothing was acknowledged.` }]
    if (fault.code === 'NewerThanKnown') return [503, { reason: fault.code, message: fault.message }]
    return [
      500,
      { reason: 'Fault', message: `${fault.message || 'A fault without words'}. It is in the log of this process.` },
    ]
  }
}

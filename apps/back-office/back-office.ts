import { Subject } from 'rxjs'
import { account as accountDecider } from '#account'
import { type DecreeEvent, decreeWords } from '#account/decrees'
import { accountWords } from '#account/events'
import { licenseWords, licensing } from '#account/licensing'
import { base64url, equal, fromBase64url, hex, utf8 } from '#canonical/bytes'
import type { Clock } from '#canonical/clock'
import type { Crypto } from '#canonical/crypto'
import { isRefusal, type Refusal } from '#canonical/decider'
import { type Act, type Event, trustEvent } from '#canonical/event'
import { nameId, uuid7 } from '#canonical/ids'
import { Malformed } from '#canonical/malformed'
import { type Ran, type Runner, run } from '#cqrs/run'
import { type EventStore, readStream } from '#eventstore'
import { FollowerStopped, project, react } from '#eventstore/follower'
import type { Rows } from '#eventstore/rows'
import { issueLicense } from '#license'
import { issueCertificate } from '#license/certificate'
import { parse1, verify1 } from '#license/cose'
import { sealBase } from '#license/hpke'
import { kidOf, rootFingerprint } from '#license/keyset'
import { readDenyList, readPolicy } from '#license/rules'
import { tacKeyOf } from '#license/tac'
import { type Amount, type Currency, parseAmount } from '#money'
import { payment as paymentDecider } from '#payment'
import { paymentWords } from '#payment/events'
import { projections } from '#projections'
import { merchant as merchantDecider, merchantWords } from '#settlement/merchant'
import { shop as shopDecider, shopWords } from '#settlement/shop'
import type { BatchBody } from '#sync/batch'
import { enrolment } from '#sync/enrolment'
import { type EnrolmentEvent, enrolmentWords } from '#sync/events'
import {
  type AuthorityKeys,
  cardOf,
  certificatesLast_s,
  denyListDocument,
  firstPolicy,
  keySetOf,
  licensesLast_s,
  policyDocument,
} from './authority.ts'
import { decrees } from './decrees.ts'
import { intake } from './intake.ts'
import { questions } from './questions.ts'
import { verdicts } from './verdicts.ts'

/** The centre as a plain function: authority, intake, followers and commands around one log. */

export type BackOfficeParts = {
  readonly clock: Clock
  readonly crypto: Crypto
  readonly store: EventStore
  readonly rows: Rows
  readonly keys: AuthorityKeys
  readonly log: { info(line: string): void; warn(line: string): void; error(line: string): void }
}

export type BackOffice = Awaited<ReturnType<typeof backOffice>>

const iso = (ms: number): string => new Date(ms).toISOString()
const inviteLasts_ms = 24 * 3_600_000
/** Rules are signed anew before a terminal would find them too old. */
const rulesFreshFor_s = 12 * 3600

export const backOffice = async ({ clock, crypto, store, rows, keys, log }: BackOfficeParts) => {
  const news = new Subject<{ readonly kind: string }>()
  const now = () => iso(clock.now())
  const now_s = () => Math.floor(clock.now() / 1000)
  const mint = () => uuid7(clock.now(), crypto.random(16))
  const randomSalt = () => base64url(crypto.random(16))
  /** A reactor's salts follow from the event's id, so that two of them write the same octets. */
  const reactorSalt = (eventId: string) => base64url(crypto.hmac(keys.saltKey, utf8(eventId)).slice(0, 16))
  const runner: Runner = { store, crypto, salt: randomSalt }
  const { document: keySet } = keySetOf(crypto, keys)
  const fingerprint = rootFingerprint(crypto, keys.root.publicKey)

  const actOf = (by: string, id = mint()): Act => ({ id, at: now(), by, correlation: id, causation: id })
  const centre = 'centre'

  /* ---- the authority's own streams */

  const decree = async (
    facts: (stream: readonly DecreeEvent[]) => readonly DecreeEvent[],
    stream: string,
  ): Promise<void> => {
    const answer = await run(runner, decrees(facts), decreeWords, stream, undefined, actOf(centre))
    if (isRefusal(answer)) throw new Error(answer.message)
  }

  await decree(held => {
    const known = new Set(held.map(({ data }) => ('kid' in data ? data.kid : '')))
    return (['root', 'license', 'certificate', 'rules', 'log'] as const).flatMap(purpose => {
      const { curve, publicKey } = keys[purpose]
      const kid = hex(kidOf(crypto, publicKey))
      const from = iso(keys.made_s * 1000)
      const until = iso((keys.made_s + 5 * 365 * 86_400) * 1000)
      const data = { kid, purpose, curve, publicKey: base64url(publicKey), notBefore: from, expires: until }
      return known.has(kid) ? [] : [{ type: 'KeyIntroduced' as const, data }]
    })
  }, 'authority')

  type Documents = { readonly policy: string; readonly denyList: string; readonly keySet: string }
  let documents: Documents | undefined

  /** The newest signed rules, signed anew when they have grown old. */
  const rules = async (): Promise<Documents> => {
    const fresh = (issued: number) => now_s() - issued < rulesFreshFor_s
    if (documents) {
      const { policy, denyList } = documents
      if (fresh(readPolicy(fromBase64url(policy)).issued) && fresh(readDenyList(fromBase64url(denyList)).issued))
        return documents
    }
    await decree(held => {
      const entry = (version: number, document: Uint8Array) => ({
        version,
        hash: hex(crypto.sha256(document)),
        document: base64url(document),
      })
      const lastOf = <Type extends DecreeEvent['type']>(type: Type) =>
        held.findLast((event): event is Extract<DecreeEvent, { type: Type }> => event.type === type)
      const policy = lastOf('PolicyPublished')?.data
      const list = lastOf('DenyListChanged')?.data
      const facts: DecreeEvent[] = []
      const oldPolicy = policy && readPolicy(fromBase64url(policy.document))
      if (!oldPolicy || !fresh(oldPolicy.issued)) {
        const version = (policy?.version ?? 0) + 1
        const next = oldPolicy ? { ...oldPolicy, version, issued: now_s() } : firstPolicy(version, now_s())
        facts.push({ type: 'PolicyPublished', data: entry(version, policyDocument(crypto, keys, next)) })
      }
      const oldList = list && readDenyList(fromBase64url(list.document))
      if (!oldList || !fresh(oldList.issued)) {
        const version = (list?.version ?? 0) + 1
        const next = { licenses: [], cards: [], ...oldList, version, issued: now_s() }
        const none = { licenses: [], cards: [] }
        facts.push({
          type: 'DenyListChanged',
          data: { ...entry(version, denyListDocument(crypto, keys, next)), added: none, removed: none },
        })
      }
      return facts
    }, 'rules')
    const held = (await readStream(store, 'rules')).map(({ text }) => trustEvent(text) as Event & DecreeEvent)
    const last = (type: DecreeEvent['type']) =>
      (held.findLast(event => event.type === type) as Event<{ readonly document: string }>).data.document
    documents = { policy: last('PolicyPublished'), denyList: last('DenyListChanged'), keySet: base64url(keySet) }
    return documents
  }
  await rules()

  const versions = async () => {
    const { policy, denyList } = await rules()
    return {
      policy: readPolicy(fromBase64url(policy)).version,
      denyList: readDenyList(fromBase64url(denyList)).version,
      keySet: 1,
    }
  }

  /* ---- followers */

  const reactor = verdicts({ store, crypto, keys, salt: reactorSalt })
  let applied = Math.min(...projections.map(projection => rows.checkpoint(projection)))
  let judged = 0
  const freshness = { following: false, currentAt: clock.now() }
  const waiters = new Set<{ readonly index: number; readonly done: () => void }>()
  const stopped: FollowerStopped[] = []

  const onProgress = ({ next, caughtUp }: { next: number; caughtUp: boolean }): void => {
    applied = next
    if (caughtUp) freshness.currentAt = clock.now()
    for (const waiter of [...waiters])
      if (next > waiter.index) {
        waiters.delete(waiter)
        waiter.done()
      }
    if (!caughtUp) news.next({ kind: 'rows' })
  }

  const onStopped = (fault: FollowerStopped): void => {
    stopped.push(fault)
    log.error(fault.message)
  }

  const follow = async (signal: AbortSignal): Promise<void> => {
    let next = 0
    freshness.following = true
    await Promise.all([
      project({ store, rows, projections, signal, onProgress, onStopped }).finally(() => {
        freshness.following = false
      }),
      // It keeps what verdicts must know in memory and so begins at the first event; verdicts that are there already
      // are read and not made again.
      react({
        store,
        name: reactor.name,
        checkpoint: { read: () => next, write: at => (next = at) },
        wants: reactor.wants,
        handle: reactor.handle,
        signal,
        onProgress: progress => (judged = progress.next),
      }).catch((error: unknown) => {
        if (!(error instanceof FollowerStopped)) throw error
        onStopped(error)
      }),
    ])
    news.complete()
  }

  /** Until the rows hold this log index, or two seconds are over: an answer then shows its age. */
  const rowsAt = (index: number): Promise<void> =>
    applied > index
      ? Promise.resolve()
      : new Promise(resolve => {
          const waiter = { index, done: resolve }
          waiters.add(waiter)
          setTimeout(() => waiters.delete(waiter) && resolve(), 2000).unref()
        })

  /** What a command wrote is in the rows when it answers. */
  const settled = async <Answer>(ran: Ran | Refusal, answer: Answer): Promise<Answer | Refusal> => {
    if (isRefusal(ran)) return ran
    if (ran.index !== undefined) await rowsAt(ran.index)
    news.next({ kind: 'command' })
    return answer
  }

  const ask = questions({ rows, store, now: () => clock.now(), freshness })

  /* ---- commands */

  const openMerchant = async (asked: {
    readonly merchant?: string | undefined
    readonly name: string
    readonly currency: Currency
    readonly feeBasisPoints: number
    readonly taxBasisPoints: number
    readonly by: string
  }) => {
    const merchant = asked.merchant ?? mint()
    const stream = `merchant-${merchant}`
    const { name, currency, feeBasisPoints, taxBasisPoints, by } = asked
    const opened = await run(
      runner,
      merchantDecider,
      merchantWords,
      stream,
      { type: 'OpenMerchant', merchant, name, currency },
      actOf(by),
    )
    if (isRefusal(opened)) return opened
    const terms = { merchant, feeBasisPoints, taxBasisPoints, returnsFee: true }
    const set = await run(
      runner,
      merchantDecider,
      merchantWords,
      stream,
      { type: 'SetMerchantTerms', ...terms },
      actOf(by),
    )
    return settled(set, { merchant })
  }

  const openShop = async (asked: {
    readonly shop?: string | undefined
    readonly merchant: string
    readonly name: string
    readonly zone: string
    readonly by: string
  }) => {
    const shop = asked.shop ?? mint()
    const { merchant, name, zone, by } = asked
    if (!(await exists(`merchant-${merchant}`)))
      return { reason: 'MerchantUnknown', message: `No merchant ${merchant} was opened: open it first.`, merchant }
    try {
      new Intl.DateTimeFormat('en', { timeZone: zone })
    } catch {
      return { reason: 'ZoneUnknown', message: `${zone} is not a time zone: write one such as Europe/Vienna.`, zone }
    }
    return settled(
      await run(
        runner,
        shopDecider,
        shopWords,
        `shop-${shop}`,
        { type: 'OpenShop', shop, merchant, name, zone },
        actOf(by),
      ),
      { shop },
    )
  }

  const exists = async (stream: string): Promise<boolean> => {
    for await (const page of store.read(stream, { from: 0, direction: 'forward', pageSize: 1 })) return page.length > 0
    return false
  }

  const openAccount = async (asked: {
    readonly account?: string | undefined
    readonly limit: Amount
    readonly currency: Currency
    readonly by: string
  }) => {
    const account = asked.account ?? mint()
    const { limit, currency, by } = asked
    const ran = await run(
      runner,
      accountDecider,
      accountWords,
      `account-${account}`,
      { type: 'OpenAccount', account, currency, limit },
      actOf(by),
    )
    return settled(ran, { account })
  }

  const receiveRepayment = async (asked: {
    readonly account: string
    readonly repayment?: string | undefined
    readonly amount: Amount
    readonly currency: Currency
    readonly source: string
    readonly by: string
  }) => {
    const { account, amount, currency, source, by } = asked
    const repayment = asked.repayment ?? mint()
    const command = { type: 'ReceiveRepayment' as const, account, repayment, currency, amount, source }
    return settled(await run(runner, accountDecider, accountWords, `account-${account}`, command, actOf(by)), {
      account,
      repayment,
    })
  }

  /** A one-time code: the terminal's name, and 128 bits that only this answer shows. */
  const inviteTerminal = async (asked: { readonly terminal: string; readonly shop: string; readonly by: string }) => {
    const { terminal, shop, by } = asked
    const held = await readStream(store, `shop-${shop}`)
    const opened = held.map(({ text }) => trustEvent(text)).find(event => event.type === 'ShopOpened') as
      | Event<{ merchant: string }>
      | undefined
    if (!opened) return { reason: 'ShopUnknown', message: `No shop ${shop} was opened: open it first.`, shop }
    const code = `${terminal}.${base64url(crypto.random(16))}`
    const expires = iso(clock.now() + inviteLasts_ms)
    const invite = {
      type: 'Invite' as const,
      terminal,
      shop,
      merchant: opened.data.merchant,
      mode: keys.mode,
      codeHash: hex(crypto.sha256(code)),
      expires,
    }
    const ran = await run(runner, enrolment, enrolmentWords, `enrolment-${terminal}`, invite, actOf(by))
    return settled(ran, { terminal, code, expires, rootFingerprint: fingerprint })
  }

  const enrol = async (asked: {
    readonly code: string
    readonly keys: { readonly p256: string; readonly ed25519: string }
    readonly proofs: { readonly p256: string; readonly ed25519: string }
  }) => {
    const terminal = asked.code.slice(0, asked.code.lastIndexOf('.'))
    const unknown: Refusal = {
      reason: 'InvitationUnknown',
      message: 'No invitation has this code: look at it, or ask the back office for a new one.',
    }
    if (terminal === '') return unknown
    const proved = (curve: 'P-256' | 'Ed25519', publicKey: string, proof: string): boolean => {
      try {
        const payload = verify1(crypto, {
          bytes: fromBase64url(proof),
          type: 'enrolment',
          curve,
          publicKey: fromBase64url(publicKey),
        })
        return payload !== null && equal(payload, utf8(asked.code))
      } catch (error) {
        if (error instanceof Malformed || error instanceof SyntaxError) return false
        throw error
      }
    }
    if (
      !proved('P-256', asked.keys.p256, asked.proofs.p256) ||
      !proved('Ed25519', asked.keys.ed25519, asked.proofs.ed25519)
    )
      return {
        reason: 'EnrolmentSignatureInvalid',
        message: 'The code is not signed by both keys that were sent: the terminal must hold the keys it enrols with.',
      }
    const stream = `enrolment-${terminal}`
    const held = (await readStream(store, stream)).map(({ text }) => trustEvent(text) as Event & EnrolmentEvent)
    const invited = held.findLast(event => event.type === 'TerminalInvited')
    if (invited?.type !== 'TerminalInvited') return unknown
    const { merchant, shop, mode } = invited.data
    const opened = (await readStream(store, `merchant-${merchant}`)).map(({ text }) => trustEvent(text))[0] as
      | Event<{ name: string }>
      | undefined
    const already = held.find(event => event.type === 'TerminalEnrolled')
    const certificate =
      already?.type === 'TerminalEnrolled'
        ? already.data.certificate
        : base64url(
            issueCertificate(
              crypto,
              {
                terminal,
                merchant,
                merchantName: opened?.data.name ?? merchant,
                shop,
                mode,
                keys: { p256: fromBase64url(asked.keys.p256), ed25519: fromBase64url(asked.keys.ed25519) },
                notBefore: now_s() - 60,
                expires: now_s() + certificatesLast_s,
                kid: kidOf(crypto, keys.certificate.publicKey),
              },
              keys.certificate,
            ),
          )
    const command = {
      type: 'Enrol' as const,
      terminal,
      codeHash: hex(crypto.sha256(asked.code)),
      certificate,
      keys: asked.keys,
      at: now(),
    }
    const ran = await run(runner, enrolment, enrolmentWords, stream, command, actOf(`terminal:${terminal}`))
    if (isRefusal(ran)) return ran
    await run(runner, shopDecider, shopWords, `shop-${shop}`, { type: 'AssignTerminal', shop, terminal }, actOf(centre))
    news.next({ kind: 'command' })
    const rootPublicKey = base64url(keys.root.publicKey)
    return { terminal, origin: keys.origin, mode, rootPublicKey, certificate, ...(await rules()) }
  }

  const cardLimits = { perTransaction: 15_000n, silent: 5_000n, consecutive: 50 } as const

  /** Grants the allowance on the account's own stream first, and only then issues the license for the phone's key. */
  const license = async (asked: {
    readonly account: string
    readonly allowance: string
    readonly publicKey: string
    readonly proof: string
  }) => {
    const { account, publicKey, proof } = asked
    const figures = ask.figures(account)
    if (!figures) {
      const message = `No account ${account} was opened: open it at the back office first.`
      return { reason: 'AccountUnknown', message, account }
    }
    const { currency } = figures
    const allowance = parseAmount(asked.allowance, currency)
    if (typeof allowance !== 'bigint') return allowance as Refusal
    if (!possessed(asked))
      return {
        reason: 'ProofInvalid',
        message: 'The request is not signed by the key that it asks a license for: the phone must hold that key.',
      }
    const id = nameId(crypto, 'license', publicKey, proof)
    const { owed, inDispute, drawn, knownAt } = figures
    const grant = {
      type: 'GrantAllowance' as const,
      account,
      license: id,
      currency,
      amount: allowance,
      owed,
      inDispute,
      drawn,
      knownAt,
    }
    const granted = await run(runner, accountDecider, accountWords, `account-${account}`, grant, actOf('phone'))
    if (isRefusal(granted)) return granted
    const held = (await readStream(store, `license-${id}`)).map(
      ({ text }) => trustEvent(text) as Event<{ document: string }>,
    )
    const document =
      held[0]?.data.document ??
      base64url(
        issueLicense(
          crypto,
          {
            id,
            card: cardOf(crypto, keys, account),
            issuer: keys.origin,
            issuedAt: now_s(),
            notBefore: now_s() - 60,
            expires: now_s() + licensesLast_s,
            publicKey: fromBase64url(publicKey),
            credit: {
              currency,
              allowance,
              perTransaction: cardLimits.perTransaction as Amount,
              silent: cardLimits.silent as Amount,
              consecutive: cardLimits.consecutive,
              counter: 0,
              tacKey: keys.tacMaster.id,
              suite: 'P256-AUTH',
            },
            kid: kidOf(crypto, keys.license.publicKey),
          },
          keys.license,
        ),
      )
    const issue = {
      type: 'IssueLicense' as const,
      license: id,
      account,
      card: cardOf(crypto, keys, account),
      currency,
      allowance,
      document,
      publicKey,
      expires: iso((now_s() + licensesLast_s) * 1000),
    }
    const issued = await run(runner, licensing, licenseWords, `license-${id}`, issue, actOf('phone'))
    const bytes = fromBase64url(document)
    const tacKey = sealBase(crypto, {
      recipient: fromBase64url(publicKey),
      info: utf8('tallystick.dev:tac/1'),
      aad: crypto.sha256(bytes),
      plaintext: tacKeyOf(crypto, keys.tacMaster.key, id),
    })
    return settled(issued, { license: document, tacKey: base64url(tacKey), keySet: base64url(keySet), mode: keys.mode })
  }

  /** Proof of possession: the request itself, signed by the key that asks. */
  const possessed = ({ account, allowance, publicKey, proof }: Parameters<typeof license>[0]): boolean => {
    try {
      const said = JSON.stringify({ account, allowance, publicKey })
      const bytes = fromBase64url(proof)
      parse1(bytes)
      const payload = verify1(crypto, {
        bytes,
        type: 'license-request',
        curve: 'P-256',
        publicKey: fromBase64url(publicKey),
      })
      return payload !== null && equal(payload, utf8(said))
    } catch (error) {
      if (error instanceof Malformed || error instanceof SyntaxError) return false
      throw error
    }
  }

  /** Two people decide who bears a held payment. */
  const decideHeld = async (asked: {
    readonly payment: string
    readonly bears: 'payer' | 'merchant' | 'operator'
    readonly operators: readonly [string, string]
    readonly reason: string
  }) => {
    const { payment, bears, operators, reason } = asked
    const stream = `payment-${payment}`
    const held = (await readStream(store, stream)).map(({ text }) => trustEvent(text))
    const first = held.find(event => event.type === 'PaymentHeld') as
      | Event<{ account: string | null; license: string | null; merchant: string; currency: string }>
      | undefined
    if (held.length === 0)
      return {
        reason: 'PaymentUnknown',
        message: `No verdict was made on payment ${payment}: look at its hash.`,
        payment,
      }
    const { account = null, license = null, merchant = '', currency = 'EUR' } = first?.data ?? {}
    const figures = reactor.figuresFor(account, license ?? undefined, merchant, currency)
    const command = {
      type: 'DecideHeld' as const,
      payment,
      bears,
      operators,
      reason,
      bookingDate: now().slice(0, 10),
      ...figures,
    }
    const ran = await run(runner, paymentDecider, paymentWords, stream, command, actOf(`operator:${operators[1]}`))
    return settled(ran, { payment, bears })
  }

  const takeIn = intake({ store, crypto, origin: keys.origin, salt: reactorSalt, now })
  const acceptBatch = async (terminal: string, body: BatchBody) => {
    const answer = await takeIn(terminal, body)
    if (isRefusal(answer)) return answer
    news.next({ kind: 'batch' })
    return { ...answer, rules: await versions(), at: now() }
  }

  const rulesFor = async (terminal: string) => {
    const known = (await readStream(store, `enrolment-${terminal}`)).some(({ type }) => type === 'TerminalEnrolled')
    if (!known)
      return { reason: 'TerminalUnknown', message: `Terminal ${terminal} is not enrolled at this centre.`, terminal }
    return { ...(await rules()), at: now() }
  }

  return {
    id: keys.origin,
    fingerprint,
    news,
    ask,
    openMerchant,
    openShop,
    openAccount,
    receiveRepayment,
    inviteTerminal,
    enrol,
    license,
    decideHeld,
    acceptBatch,
    rulesFor,
    rowsAt,
    /** Log indices that the followers have got to. */
    status: () => ({ applied, judged, stopped: stopped.map(({ message }) => message) }),
    /** Follows the log until the signal. */
    run: follow,
  }
}

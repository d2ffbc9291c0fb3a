import { base64url, fromBase64url } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { run } from '#cqrs/run'
import { readLast } from '#eventstore'
import { readKnown } from '#evidence/held'
import { type Assignment, markOf, signAssignment } from '#license/assignment'
import { issueCertificate, readCertificate } from '#license/certificate'
import { kidOf, readKeySet } from '#license/keyset'
import { renewalDue } from '#license/renewal'
import { checkRequest, type SyncRequest } from '#license/request'
import { merchantWords } from '#settlement/merchant'
import { enrolment, standingOf } from '#sync/enrolment'
import { enrolmentWords } from '#sync/events'
import type { OfferedRules } from '#tap/rules'
import { certificatesLast_s } from './authority.ts'
import type { Office } from './office.ts'
import type { Rulebook, Whose } from './rulebook.ts'
import type { SigningKeys } from './signing-keys.ts'
import type { EnrolledTerminal, Standings } from './standing.ts'

/** What the centre tells one terminal, and whoever asks in its name proves that he is it: its rules, its place, its certificate. */

export const assignments = (
  { store, crypto, keys, runner, now, now_s, actOf }: Office,
  { sign }: Pick<SigningKeys, 'sign'>,
  book: Pick<Rulebook, 'rules' | 'rulesSince' | 'keySet'>,
  known: Standings,
  whoseIs: (terminal: string) => Promise<Whose>,
  heard: (terminal: string, software: string | undefined, denyList: number | undefined) => void,
) => {
  const said = async (terminal: string, { state }: EnrolledTerminal): Promise<Omit<Assignment, 'issued'>> => {
    const shop = state.shop as string
    const opened = await known.shop(shop)
    const { standing, reason } = standingOf(state) ?? { standing: 'enrolled' as const }
    return {
      terminal,
      shop,
      shopName: opened?.name ?? shop,
      zone: opened?.zone ?? 'UTC',
      standing,
      // On its way it is a line on a till's screen; the whole reason is in the log.
      ...(reason === undefined ? {} : { reason: reason.slice(0, 120) }),
    }
  }

  /** Who asks is the terminal itself, now, and here; its own key says so. */
  const asking = async (
    terminal: string,
    asks: SyncRequest['asks'],
    text: string | undefined,
  ): Promise<EnrolledTerminal | Refusal> => {
    const enrolled = await known.terminal(terminal)
    if (!enrolled?.state.enrolled)
      return { reason: 'TerminalUnknown', message: `Terminal ${terminal} is not enrolled at this centre.`, terminal }
    const publicKey = fromBase64url(enrolled.state.enrolled.keys.p256)
    const checked = checkRequest(crypto, text, { origin: keys.origin, terminal, asks, publicKey, now_s: now_s() })
    if (isRefusal(checked)) return checked
    heard(terminal, checked.software, checked.denyList)
    return enrolled
  }

  /** A terminal of before 0.3.0 does not say what it has, and gets all of it. */
  const rulesOf = async (terminal: string, have: string | undefined): Promise<OfferedRules> => {
    const whose = await whoseIs(terminal)
    if (have === undefined) return book.rules(whose)
    const held = have.split(',').map(each => each.split(':'))
    return book.rulesSince(whose, new Map(held.map(([kind = '', hash = '']) => [kind, hash])))
  }

  const rulesFor = async (terminal: string, request: string | undefined, have?: string) => {
    const enrolled = await asking(terminal, 'rules', request)
    if (isRefusal(enrolled)) return enrolled
    const assignment = { ...(await said(terminal, enrolled)), issued: now_s() }
    const document = await sign('rules', (crypto, key) => signAssignment(crypto, assignment, key))
    const last = await readLast(store, `terminal-${terminal}`)
    return {
      ...(await rulesOf(terminal, have)),
      assignment: base64url(document),
      heldTo: last?.revision ?? -1,
      at: now(),
    }
  }

  /**
   * The certificate that the terminal is to have from now on: a new one where it is due, else the one it has. Who asks
   * again because the answer was lost gets the same.
   */
  const renewCertificate = async (terminal: string, request: string | undefined) => {
    const enrolled = await asking(terminal, 'certificate', request)
    if (isRefusal(enrolled)) return enrolled
    const { state, first } = enrolled
    const before = state.enrolled?.certificate as string
    const held = readCertificate(fromBase64url(before))
    const shop = state.shop as string
    const keySet = readKeySet(fromBase64url(book.keySet()))
    if (renewalDue(held, { now_s: now_s(), shop, keySet }) === undefined && standingOf(state)?.standing === 'enrolled')
      return { certificate: before, at: now() }
    const { events } = await readKnown(store, `merchant-${first.merchant}`, merchantWords)
    const opened = events.find(event => event.type === 'MerchantOpened')
    // One moment, though it is made twice where its key lies elsewhere.
    const issued_s = now_s()
    const certificate = base64url(
      await sign('certificate', (crypto, key) =>
        issueCertificate(
          crypto,
          {
            ...held,
            shop,
            merchantName: opened?.data.name ?? held.merchantName,
            notBefore: issued_s - 60,
            expires: issued_s + certificatesLast_s,
            kid: kidOf(crypto, key.publicKey),
          },
          key,
        ),
      ),
    )
    const command = { type: 'RenewCertificate' as const, terminal, before, certificate, shop }
    const stream = `enrolment-${terminal}`
    const ran = await run(runner, enrolment, enrolmentWords, stream, command, actOf(`terminal:${terminal}`))
    if (isRefusal(ran)) return ran
    const newest = await known.terminal(terminal)
    return { certificate: newest?.state.enrolled?.certificate ?? before, at: now() }
  }

  return {
    asking,
    rulesFor,
    renewCertificate,
    /** What a terminal compares with the word that it holds: another mark, and it asks for the new one. */
    markFor: async (terminal: string): Promise<string | undefined> => {
      const enrolled = await known.terminal(terminal)
      return enrolled && markOf(crypto, await said(terminal, enrolled))
    },
  }
}

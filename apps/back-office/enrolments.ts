import { base64url, equal, fromBase64url, hex, utf8 } from '#canonical/bytes'
import { isRefusal, type Refusal } from '#canonical/decider'
import { Malformed } from '#canonical/malformed'
import { run } from '#cqrs/run'
import { readKnown } from '#evidence/held'
import { issueCertificate } from '#license/certificate'
import { verify1 } from '#license/cose'
import { kidOf, rootFingerprint } from '#license/keyset'
import { merchantWords } from '#settlement/merchant'
import { shop as shopDecider, shopWords } from '#settlement/shop'
import { enrolment } from '#sync/enrolment'
import { enrolmentWords } from '#sync/events'
import { certificatesLast_s } from './authority.ts'
import { iso, type Office, type Settled } from './office.ts'
import type { Rulebook } from './rulebook.ts'
import type { Service } from './service.ts'
import type { SigningKeys } from './signing-keys.ts'
import type { Standings } from './standing.ts'

/** How a terminal comes to the centre: invited with a one-time code, enrolled with keys that it made itself. */

const inviteLasts_ms = 24 * 3_600_000

export const enrolments = (
  { store, crypto, keys, runner, now, now_s, actOf }: Office,
  { sign }: Pick<SigningKeys, 'sign'>,
  { rules }: Rulebook,
  known: Standings,
  leave: Service['leave'],
  settled: Settled,
) => {
  const fingerprint = rootFingerprint(crypto, keys.root.publicKey)

  /** A one-time code: the terminal's name, and 128 bits that only this answer shows. */
  const inviteTerminal = async (asked: {
    readonly terminal: string
    readonly shop: string
    readonly by: string
    readonly replaces?: string
  }) => {
    const { terminal, shop, by, replaces } = asked
    const opened = await known.shop(shop)
    if (!opened) return { reason: 'ShopUnknown', message: `No shop ${shop} was opened: open it first.`, shop }
    const code = `${terminal}.${base64url(crypto.random(16))}`
    const expires = iso(now_s() * 1000 + inviteLasts_ms)
    const invite = {
      type: 'Invite' as const,
      terminal,
      shop,
      merchant: opened.merchant,
      mode: keys.mode,
      codeHash: hex(crypto.sha256(code)),
      expires,
      ...(replaces === undefined ? {} : { replaces }),
    }
    const ran = await run(runner, enrolment, enrolmentWords, `enrolment-${terminal}`, invite, actOf(by))
    return settled(ran, { terminal, code, expires, rootFingerprint: fingerprint })
  }

  const cancelInvitation = async (asked: {
    readonly terminal: string
    readonly reason: string
    readonly by: string
  }) => {
    const { terminal, reason, by } = asked
    const cancel = { type: 'CancelInvitation' as const, terminal, reason }
    const ran = await run(runner, enrolment, enrolmentWords, `enrolment-${terminal}`, cancel, actOf(by))
    return settled(ran, { terminal })
  }

  /** Another terminal, with an id, keys and a log of its own, takes the place of this one and nothing else of it. */
  const replaceTerminal = async (asked: {
    readonly terminal: string
    readonly replacement: string
    readonly reason: string
    readonly by: string
  }) => {
    const { terminal, replacement, reason, by } = asked
    const replace = { type: 'Replace' as const, terminal, by: replacement, reason }
    const state = (await known.terminal(terminal))?.state ?? enrolment.initialState
    const refused = enrolment.decide(replace, state)
    if (isRefusal(refused)) return refused
    const invited = await inviteTerminal({ terminal: replacement, shop: state.shop as string, by, replaces: terminal })
    if (isRefusal(invited)) return invited
    const replaced = await leave(replace, by)
    return isRefusal(replaced) ? replaced : invited
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
    const { events: held } = await readKnown(store, stream, enrolmentWords)
    const invited = held.findLast(event => event.type === 'TerminalInvited')
    if (invited?.type !== 'TerminalInvited') return unknown
    const { merchant, shop, mode } = invited.data
    if (mode !== keys.mode)
      return {
        reason: 'ModeMismatch',
        message: `Terminal ${terminal} was invited to a ${mode} centre, and this one is ${keys.mode}: invite it here under another id.`,
        stated: mode,
        actual: keys.mode,
      }
    const ofMerchant = await readKnown(store, `merchant-${merchant}`, merchantWords)
    const opened = ofMerchant.events.find(event => event.type === 'MerchantOpened')
    const zone = (await known.shop(shop))?.zone ?? 'UTC'
    const already = held.find(event => event.type === 'TerminalEnrolled')
    // One moment, though it is made twice where its key lies elsewhere.
    const issued_s = now_s()
    const certificate =
      already?.type === 'TerminalEnrolled'
        ? already.data.certificate
        : base64url(
            await sign('certificate', (crypto, key) =>
              issueCertificate(
                crypto,
                {
                  terminal,
                  merchant,
                  merchantName: opened?.data.name ?? merchant,
                  shop,
                  mode,
                  keys: { p256: fromBase64url(asked.keys.p256), ed25519: fromBase64url(asked.keys.ed25519) },
                  notBefore: issued_s - 60,
                  expires: issued_s + certificatesLast_s,
                  kid: kidOf(crypto, key.publicKey),
                },
                key,
              ),
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
    await run(
      runner,
      shopDecider,
      shopWords,
      `shop-${shop}`,
      { type: 'AssignTerminal', shop, terminal },
      actOf('centre'),
    )
    const rootPublicKey = base64url(keys.root.publicKey)
    return {
      terminal,
      origin: keys.origin,
      mode,
      rootPublicKey,
      zone,
      certificate,
      ...(await rules({ merchant, currency: opened?.data.currency ?? 'EUR' })),
    }
  }

  return { fingerprint, inviteTerminal, cancelInvitation, replaceTerminal, enrol }
}

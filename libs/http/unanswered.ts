/** Why a request over `fetch` had no answer, in words for whoever has to do something about it. */

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

export const unanswered = (fault: unknown): string => {
  const { cause, message } = fault as Error & { cause?: { code?: string; message?: string } }
  const code = cause?.code
  if (code === undefined) return message
  if (untrusted.has(code))
    return `${code}: its TLS certificate was not issued by an authority that this machine trusts; name that authority's file in NODE_EXTRA_CA_CERTS`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `${code}: its TLS certificate is for another name; use the name that the certificate bears`
  if (code === 'CERT_HAS_EXPIRED')
    return `${code}: its TLS certificate has expired, or the clock of this machine is wrong`
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return `${code}: it does not speak TLS; the address may begin with http, and not with https`
  return code
}

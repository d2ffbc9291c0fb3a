/** One cookie that a browser keeps and no script of a page reads: RFC 6265, and SameSite as its successor has it. */

/** The first cookie of that name; undefined where there is none. */
export const readCookie = (header: string | undefined, name: string): string | undefined => {
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=')
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim()
  }
  return undefined
}

/** As `Set-Cookie` has it; without a value it is taken away. */
export const cookieText = (name: string, value: string | undefined, { secure }: { readonly secure: boolean }): string =>
  [
    `${name}=${value ?? ''}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Strict',
    ...(secure ? ['Secure'] : []),
    ...(value === undefined ? ['Max-Age=0'] : []),
  ].join('; ')

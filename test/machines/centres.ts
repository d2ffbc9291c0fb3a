import { ask, freePorts, program, run, withAdministrator } from './processes.ts'

/** A centre of its own on a free port, begun and not yet waited for; its door is open to `ask`. */
export const beginCentre = async (
  name: string,
  data: string,
  {
    store,
    passwords = data,
    more = [],
  }: {
    readonly store?: string
    /** Centres that share a log share their administrator, and so the file with the password. */
    readonly passwords?: string
    readonly more?: readonly string[]
  } = {},
) => {
  const port = await freePorts()
  const url = `http://127.0.0.1:${port}`
  const log = store === undefined ? [] : ['--store', store]
  const args = ['--port', `${port}`, '--data', data, ...log, ...withAdministrator(url, passwords), ...more]
  return { one: run(name, program('dist/apps/back-office/main.js', args)), url, data }
}

export const openAccount = (url: string, account: string, limit: string) =>
  ask('POST', `${url}/api/accounts`, { account, limit, currency: 'EUR' })

export const accountsAt = async (url: string): Promise<string[]> => {
  const { accounts } = await ask('GET', `${url}/api/accounts`)
  return (accounts as { account: string }[]).map(({ account }) => account)
}

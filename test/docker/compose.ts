import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { root } from '../sources.ts'

/** What of a compose file our tests look at. */
export type Service = {
  readonly image?: string
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string }
  readonly pull_policy?: string
  readonly command?: readonly string[]
  readonly user?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly restart?: string
  readonly read_only?: boolean
  readonly privileged?: boolean
  readonly network_mode?: string
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
}
export type Compose = {
  readonly services: Readonly<Record<string, Service>>
  readonly networks?: Readonly<Record<string, { readonly internal?: boolean }>>
  readonly volumes?: Readonly<Record<string, unknown>>
}

export const dockerFile = (name: string): string => readFileSync(join(root, 'docker', name), 'utf8')

export const readCompose = (text: string): Compose => parse(text, { merge: true }) as Compose

/**
 * One file laid over the other, as `-f one -f other` does for what our files use: maps are joined, `command` is the later
 * one's, networks and volumes of a service are both.
 */
export const over = (under: Compose, above: Compose): Compose => {
  const both = (one: readonly string[] = [], other: readonly string[] = []) => [...new Set([...one, ...other])]
  const services: Record<string, Service> = { ...under.services }
  for (const [name, service] of Object.entries(above.services)) {
    const held = services[name]
    services[name] = held
      ? {
          ...held,
          ...service,
          environment: { ...held.environment, ...service.environment },
          depends_on: { ...held.depends_on, ...service.depends_on },
          networks: both(held.networks, service.networks),
          volumes: both(held.volumes, service.volumes),
          ports: both(held.ports, service.ports),
        }
      : service
  }
  return {
    services,
    networks: { ...under.networks, ...above.networks },
    volumes: { ...under.volumes, ...above.volumes },
  }
}

import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'
import { name } from '#canonical/fields'

/** `shop-<id>`: where a merchant sells, in which zone its days turn, and which terminals stand there. */

/* ------------------------------------------------------------------ words */

export const shopWords = {
  ShopOpened: word(z.object({ shop: name, merchant: name, name, zone: name })),
  ShopRenamed: word(z.object({ shop: name, name })),
  /** A terminal there turns its days by it from its next opened day on. */
  ZoneSet: word(z.object({ shop: name, zone: name })),
  TerminalAssigned: word(z.object({ shop: name, terminal: name })),
  /** It was moved to another shop, or is out of service. */
  TerminalUnassigned: word(z.object({ shop: name, terminal: name })),
}

export type ShopEvent = FactOf<typeof shopWords>

export type ShopCommand = { readonly shop: string } & (
  | {
      readonly type: 'OpenShop'
      readonly merchant: string
      readonly name: string
      /** IANA name, such as `Europe/Vienna`. */
      readonly zone: string
      /** Told by whoever has the zone tables. */
      readonly isZone: boolean
    }
  | { readonly type: 'RenameShop'; readonly name: string }
  | { readonly type: 'SetZone'; readonly zone: string; readonly isZone: boolean }
  | { readonly type: 'AssignTerminal'; readonly terminal: string }
  | { readonly type: 'UnassignTerminal'; readonly terminal: string }
)

export type ShopRefusal = Refusal & { readonly reason: 'ShopUnknown' | 'ShopExists' | 'ZoneUnknown' }

/* ------------------------------------------------------------------ state */

export type Shop = {
  readonly merchant: string
  /** The name that it was opened under: opened again in the same words, it is open already. */
  readonly opened: { readonly name: string; readonly zone: string }
  readonly name: string
  readonly zone: string
  readonly terminals: ReadonlySet<string>
}

/* ----------------------------------------------------------------- decide */

const decide = (command: ShopCommand, state: Shop | undefined): readonly ShopEvent[] | ShopRefusal => {
  const { shop } = command
  if (command.type === 'OpenShop') {
    const { merchant, name, zone, isZone } = command
    if (!state) return isZone ? [{ type: 'ShopOpened', data: { shop, merchant, name, zone } }] : zoneUnknown(zone)
    if (state.merchant === merchant && state.opened.name === name && state.opened.zone === zone) return []
    return {
      reason: 'ShopExists',
      message: `Shop ${shop} is open as ${state.name} of merchant ${state.merchant}: take another id.`,
      shop,
    }
  }
  if (!state) return { reason: 'ShopUnknown', message: `No shop ${shop} was opened: open it first.`, shop }
  switch (command.type) {
    case 'RenameShop':
      return command.name === state.name ? [] : [{ type: 'ShopRenamed', data: { shop, name: command.name } }]
    case 'SetZone':
      if (!command.isZone) return zoneUnknown(command.zone)
      return command.zone === state.zone ? [] : [{ type: 'ZoneSet', data: { shop, zone: command.zone } }]
    case 'AssignTerminal':
      if (state.terminals.has(command.terminal)) return []
      return [{ type: 'TerminalAssigned', data: { shop, terminal: command.terminal } }]
    case 'UnassignTerminal':
      if (!state.terminals.has(command.terminal)) return []
      return [{ type: 'TerminalUnassigned', data: { shop, terminal: command.terminal } }]
  }
}

const zoneUnknown = (zone: string): ShopRefusal => ({
  reason: 'ZoneUnknown',
  message: `${zone} is not a time zone: write one such as Europe/Vienna.`,
  zone,
})

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Shop | undefined, event: ShopEvent): Shop | undefined => {
  switch (event.type) {
    case 'ShopOpened': {
      const { merchant, name, zone } = event.data
      return { merchant, opened: { name, zone }, name, zone, terminals: new Set() }
    }
    case 'ShopRenamed':
      return state && { ...state, name: event.data.name }
    case 'ZoneSet':
      return state && { ...state, zone: event.data.zone }
    case 'TerminalAssigned':
      return state && { ...state, terminals: new Set(state.terminals).add(event.data.terminal) }
    case 'TerminalUnassigned':
      return (
        state && {
          ...state,
          terminals: new Set([...state.terminals].filter(terminal => terminal !== event.data.terminal)),
        }
      )
  }
}

export const shop: Decider<Shop | undefined, ShopCommand, ShopEvent, ShopRefusal> = {
  initialState: undefined,
  decide,
  evolve,
}

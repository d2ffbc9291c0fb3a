import { z } from 'zod'
import type { Decider, Refusal } from '#canonical/decider'
import { type FactOf, word } from '#canonical/event'
import { name } from '#canonical/fields'

/** `shop-<id>`: where a merchant sells, in which zone its days turn, and which terminals stand there. */

/* ------------------------------------------------------------------ words */

export const shopWords = {
  ShopOpened: word(z.object({ shop: name, merchant: name, name, zone: name })),
  TerminalAssigned: word(z.object({ shop: name, terminal: name })),
}

export type ShopEvent = FactOf<typeof shopWords>

export type ShopCommand =
  | {
      readonly type: 'OpenShop'
      readonly shop: string
      readonly merchant: string
      readonly name: string
      /** IANA name, such as `Europe/Vienna`. Whether it exists is told by whoever has the zone tables. */
      readonly zone: string
    }
  | { readonly type: 'AssignTerminal'; readonly shop: string; readonly terminal: string }

export type ShopRefusal = Refusal & { readonly reason: 'ShopUnknown' | 'ShopExists' }

/* ------------------------------------------------------------------ state */

export type Shop = {
  readonly merchant: string
  readonly name: string
  readonly zone: string
  readonly terminals: ReadonlySet<string>
}

/* ----------------------------------------------------------------- decide */

const decide = (command: ShopCommand, state: Shop | undefined): readonly ShopEvent[] | ShopRefusal => {
  const { shop } = command
  switch (command.type) {
    case 'OpenShop': {
      const { merchant, name, zone } = command
      if (!state) return [{ type: 'ShopOpened', data: { shop, merchant, name, zone } }]
      if (state.merchant === merchant && state.name === name && state.zone === zone) return []
      return {
        reason: 'ShopExists',
        message: `Shop ${shop} is open as ${state.name} of merchant ${state.merchant}: take another id.`,
        shop,
      }
    }
    case 'AssignTerminal':
      if (!state) return { reason: 'ShopUnknown', message: `No shop ${shop} was opened: open it first.`, shop }
      if (state.terminals.has(command.terminal)) return []
      return [{ type: 'TerminalAssigned', data: { shop, terminal: command.terminal } }]
  }
}

/* ----------------------------------------------------------------- evolve */

const evolve = (state: Shop | undefined, event: ShopEvent): Shop | undefined => {
  switch (event.type) {
    case 'ShopOpened': {
      const { merchant, name, zone } = event.data
      return { merchant, name, zone, terminals: new Set() }
    }
    case 'TerminalAssigned':
      return state && { ...state, terminals: new Set(state.terminals).add(event.data.terminal) }
  }
}

export const shop: Decider<Shop | undefined, ShopCommand, ShopEvent, ShopRefusal> = {
  initialState: undefined,
  decide,
  evolve,
}

import { type MouseEvent, type ReactNode, useSyncExternalStore } from 'react'

// Two views need no router: the address says which phone is looked at, and "back" goes back.

const moved = 'tallystick:moved'

const listen = (changed: () => void) => {
  window.addEventListener('popstate', changed)
  window.addEventListener(moved, changed)
  return () => {
    window.removeEventListener('popstate', changed)
    window.removeEventListener(moved, changed)
  }
}

const readPhone = (): string | null => {
  const found = /^\/phones\/([^/]+)\/?$/.exec(window.location.pathname)
  return found?.[1] === undefined ? null : decodeURIComponent(found[1])
}

/** The phone that the address names, or null for the list of all. */
export const useAddressedPhone = (): string | null => useSyncExternalStore(listen, readPhone)

export const Link = (props: {
  readonly to: string
  readonly className?: string | undefined
  readonly testId: string
  readonly children: ReactNode
}) => {
  const go = (event: MouseEvent) => {
    // A click that asks for another tab or window stays the browser's.
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0) return
    event.preventDefault()
    window.history.pushState(null, '', props.to)
    window.dispatchEvent(new Event(moved))
    window.scrollTo(0, 0)
  }
  return (
    <a href={props.to} className={props.className} data-testid={props.testId} onClick={go}>
      {props.children}
    </a>
  )
}

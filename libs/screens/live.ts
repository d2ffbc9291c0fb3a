import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

// A busy centre sends many messages a second; a page that refetched on each would only be busy with itself.
const quietest_ms = 300
const reconnect_ms = 2000

const follow = (client: QueryClient, heard: (connected: boolean) => void): (() => void) => {
  let source: EventSource | undefined
  let pending: ReturnType<typeof setTimeout> | undefined
  let again: ReturnType<typeof setTimeout> | undefined
  let last = 0

  const refetch = () => {
    if (pending !== undefined) return
    const wait = Math.max(0, last + quietest_ms - performance.now())
    pending = setTimeout(() => {
      pending = undefined
      last = performance.now()
      void client.invalidateQueries()
    }, wait)
  }

  const open = () => {
    source = new EventSource('/api/live')
    source.onopen = () => {
      heard(true)
      // What happened while nobody listened is fetched once now.
      refetch()
    }
    source.onmessage = refetch
    source.onerror = () => {
      heard(false)
      // The browser reconnects a dropped stream by itself, but gives up for good on an answer that is not a stream.
      if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, reconnect_ms)
    }
  }

  open()
  return () => {
    source?.close()
    clearTimeout(pending)
    clearTimeout(again)
  }
}

/**
 * Listens to the server and has every figure on the page fetched again when something happened; true while heard. Where
 * nobody may listen just now, it waits without asking.
 */
export const useLive = (mayListen = true): boolean => {
  const client = useQueryClient()
  const [connected, setConnected] = useState(true)
  useEffect(() => (mayListen ? follow(client, setConnected) : undefined), [client, mayListen])
  // Without the stream the page must not grow old in silence.
  useEffect(() => {
    if (connected || !mayListen) return
    const timer = setInterval(() => void client.invalidateQueries(), 5000)
    return () => clearInterval(timer)
  }, [client, connected, mayListen])
  return connected && mayListen
}

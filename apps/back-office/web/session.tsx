import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import { mayAct, type Role } from '#operator/roles'
import { ask, Refused } from '#screens/api'

/** Who is signed in at this page, and what their role lets them do. */

export type SignedIn = {
  readonly operator: string
  readonly role: Role
  readonly endsAt: string
  readonly mustChangePassword: boolean
}
type Nobody = { readonly operator: null; readonly reason: string; readonly message: string }
export type Who = SignedIn | Nobody

export const sessionKey = ['session'] as const

/** A session that has ended elsewhere is found out at the latest after this. */
const lookAgain_ms = 60_000

export const useWho = () =>
  useQuery({
    queryKey: sessionKey,
    queryFn: ({ signal }) => ask<Who>('/api/session', {}, signal),
    refetchInterval: lookAgain_ms,
    staleTime: 5000,
  })

export const signedIn = (client: QueryClient, who: SignedIn): void => {
  client.setQueryData(sessionKey, who)
  void client.invalidateQueries()
}

/** Whatever was answered "your session has ended" has the page look who is signed in. */
export const useSessionWatch = (): void => {
  const client = useQueryClient()
  useEffect(() => {
    const look = (error: unknown): void => {
      if (error instanceof Refused && (error.status === 401 || error.reason === 'PasswordMustChange'))
        void client.invalidateQueries({ queryKey: sessionKey })
    }
    const ends = [
      client.getQueryCache().subscribe(told => {
        if (told.type === 'updated' && told.action.type === 'error') look(told.action.error)
      }),
      client.getMutationCache().subscribe(told => {
        if (told.type === 'updated' && told.action.type === 'error') look(told.action.error)
      }),
    ]
    return () => {
      for (const end of ends) end()
    }
  }, [client])
}

export const useMay = (least: Role): boolean => {
  const { data } = useWho()
  return data?.operator != null && mayAct(data.role, least)
}

/** What one's role does not allow is not offered. The centre refuses it, too. */
export const Allowed = ({ to, children }: { readonly to: Role; readonly children: ReactNode }) =>
  useMay(to) ? children : null

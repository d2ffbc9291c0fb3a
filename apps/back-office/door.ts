import type { Type } from '@nestjs/common'
import { operatorRoutes } from './api/operators.ts'
import { sessionRoutes, tokenOf } from './api/session.ts'
import { backOfficeModule } from './api.ts'
import type { BackOffice } from './back-office.ts'
import type { SignIn } from './sign-in.ts'

/** The centre's API behind its door: whoever asks is who the session says, and the door has routes of its own. */
export const behindTheDoor = (node: BackOffice, desk: SignIn): Type =>
  backOfficeModule(
    node,
    request => desk.asker(tokenOf(node, request)),
    door => [operatorRoutes(node, door, desk), sessionRoutes(node, door, desk)],
  )

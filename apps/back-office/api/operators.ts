import { Body, Controller, Get, HttpCode, Param, Post, type Type } from '@nestjs/common'
import { z } from 'zod'
import { isRefusal } from '#canonical/decider'
import { bodyOf, fieldOf } from '#http/refusals'
import { By, For } from '#http/roles'
import { operatorId, roleName } from '#operator'
import type { BackOffice } from '../back-office.ts'
import type { SignIn } from '../sign-in.ts'
import { Asking, type Door } from './asking.ts'
import { reasonBody } from './words.ts'

const operatorBody = z.strictObject({ operator: operatorId, role: roleName })
const roleBody = z.strictObject({ role: roleName })

type Of = { readonly operator: string; readonly by: string }

/** Who works here. A one-time password is said once, to the administrator who asked for it. */
export const operatorRoutes = (node: BackOffice, door: Door, desk: SignIn): Type => {
  const AddOperator = door.order('AddOperator', async (asked: z.infer<typeof operatorBody> & Of) => {
    const { operator, role, by } = asked
    const added = await node.addOperator(asked)
    if (isRefusal(added)) return added
    // Asked again because the answer was lost, it makes no second password: that is an order of its own.
    if (await desk.hasPassword(operator)) return { operator, role, oneTimePassword: null }
    const made = await desk.oneTimePassword({ operator, by })
    return isRefusal(made) ? made : { ...made, role }
  })
  const SetOperatorRole = door.order('SetOperatorRole', (asked: z.infer<typeof roleBody> & Of) =>
    node.setOperatorRole(asked),
  )
  const SuspendOperator = door.order('SuspendOperator', async (asked: z.infer<typeof reasonBody> & Of) => {
    const suspended = await node.suspendOperator(asked)
    if (!isRefusal(suspended)) await desk.endSessions(asked.operator)
    return suspended
  })
  const ReinstateOperator = door.order('ReinstateOperator', (asked: z.infer<typeof reasonBody> & Of) =>
    node.reinstateOperator(asked),
  )
  const MakePassword = door.order('MakePassword', (asked: Of) => desk.oneTimePassword(asked))
  const Operators = door.question('Operators', async () => {
    const found = await node.ask.operators()
    if (isRefusal(found)) return found
    const waits = found.operators.map(async each => ({
      ...each,
      approvesNothingUntil: await node.approvesNothingUntil(each.operator),
    }))
    return { ...found, operators: await Promise.all(waits) }
  })

  const idOf = (operator: string): string => fieldOf(operatorId, operator, 'operator')

  @Controller('api/operators')
  class OperatorsController extends Asking {
    @For('viewer') @Get() operators() {
      return this.ask(new Operators.Message(undefined))
    }
    @For('administrator') @Post() @HttpCode(201) add(@Body() body: unknown, @By() by: string) {
      return this.order(new AddOperator.Message({ ...bodyOf(operatorBody, body), by }))
    }
    @For('administrator') @Post(':operator/role') @HttpCode(200) setRole(
      @Param('operator') operator: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new SetOperatorRole.Message({ ...bodyOf(roleBody, body), operator: idOf(operator), by }))
    }
    @For('administrator') @Post(':operator/suspend') @HttpCode(200) suspend(
      @Param('operator') operator: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new SuspendOperator.Message({ ...bodyOf(reasonBody, body), operator: idOf(operator), by }))
    }
    @For('administrator') @Post(':operator/reinstate') @HttpCode(200) reinstate(
      @Param('operator') operator: string,
      @Body() body: unknown,
      @By() by: string,
    ) {
      return this.order(new ReinstateOperator.Message({ ...bodyOf(reasonBody, body), operator: idOf(operator), by }))
    }
    @For('administrator') @Post(':operator/password') @HttpCode(200) password(
      @Param('operator') operator: string,
      @By() by: string,
    ) {
      return this.order(new MakePassword.Message({ operator: idOf(operator), by }))
    }
  }
  return OperatorsController
}

import { Inject } from '@nestjs/common'
import { CommandBus, QueryBus } from '@nestjs/cqrs'
import type { doorway } from '#cqrs/bridge'
import { answered } from '#http/refusals'

export type Door = ReturnType<typeof doorway>

/** A controller that sends one message a route, and answers what comes back or the refusal. */
export class Asking {
  constructor(
    @Inject(CommandBus) private readonly orders: CommandBus,
    @Inject(QueryBus) private readonly questions: QueryBus,
  ) {}
  protected async order<Answer>(message: object): Promise<Answer> {
    return answered<Answer>(await this.orders.execute(message))
  }
  protected async ask<Answer>(message: object): Promise<Answer> {
    return answered<Answer>(await this.questions.execute(message))
  }
}

import { CommandHandler, type ICommandHandler, type IQueryHandler, QueryHandler } from '@nestjs/cqrs'
import type { Refusal } from '#canonical/decider'

/**
 * CommandBus and QueryBus are the doors of a node: one message class and one handler for each order and each question.
 * The EventBus is not used: it may lose what it carries, and here everything it could carry is a debt.
 */

type Class<Instance> = new (...given: never[]) => Instance

export type Order<Command, Answer> = {
  readonly Message: new (command: Command) => { readonly command: Command }
  readonly handler: Class<ICommandHandler>
  readonly answer?: Answer
}
export type Question<Asked, Answer> = {
  readonly Message: new (asked: Asked) => { readonly asked: Asked }
  readonly handler: Class<IQueryHandler>
  readonly answer?: Answer
}

/** Names taken in one node. A second handler of one name would win in silence, so it is a bug at start. */
export const doorway = () => {
  const taken = new Set<string>()
  const handlers: Class<ICommandHandler | IQueryHandler>[] = []
  const claim = (name: string) => {
    if (taken.has(name)) throw new Error(`Two handlers for ${name}: each order and question has one`)
    taken.add(name)
  }

  return {
    /** Nest providers of everything that was opened so far. */
    handlers,
    order: <Command, Answer>(
      name: string,
      carryOut: (command: Command) => Promise<Answer | Refusal>,
    ): Order<Command, Answer> => {
      claim(name)
      const Message = {
        [name]: class {
          constructor(readonly command: Command) {}
        },
      }[name] as Order<Command, Answer>['Message']
      class Handler {
        execute(message: { readonly command: Command }): Promise<Answer | Refusal> {
          return carryOut(message.command)
        }
      }
      CommandHandler(Message)(Handler)
      handlers.push(Handler)
      return { Message, handler: Handler }
    },
    question: <Asked, Answer>(
      name: string,
      look: (asked: Asked) => Promise<Answer | Refusal>,
    ): Question<Asked, Answer> => {
      claim(name)
      const Message = {
        [name]: class {
          constructor(readonly asked: Asked) {}
        },
      }[name] as Question<Asked, Answer>['Message']
      class Handler {
        execute(message: { readonly asked: Asked }): Promise<Answer | Refusal> {
          return look(message.asked)
        }
      }
      QueryHandler(Message)(Handler)
      handlers.push(Handler)
      return { Message, handler: Handler }
    },
  }
}

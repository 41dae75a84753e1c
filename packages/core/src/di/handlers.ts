import type { RequestHandler } from '../calls/active-service.ts';
import type { CallContract, TopicContract } from '../contracts.ts';
import type { ServeOptions, SubscribeOptions } from '../options.ts';
import type { MessageHandler } from '../subscription.ts';

/** What one decorator says of one method. */
export type Handler =
  | {
      readonly kind: 'subscribes';
      readonly method: PropertyKey;
      readonly topic: string | TopicContract;
      readonly options: SubscribeOptions | undefined;
    }
  | {
      readonly kind: 'serves';
      readonly method: PropertyKey;
      readonly call: string | CallContract;
      readonly options: ServeOptions | undefined;
    };

/** A legacy method decorator (`experimentalDecorators`), the kind tsyringe works with, for methods of one shape. */
export type HandlerDecorator<Method> = <M extends Method>(
  prototype: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void;

/**
 * The method is called with each message of a topic or pattern once its agent is started. A method may bear several.
 *
 * ```ts
 * @subscribes(Tick) onTick({ data, via }: Message<Tick>) { … }
 * ```
 */
export function subscribes<T>(
  topic: string | TopicContract<unknown, T>,
  options?: SubscribeOptions,
): HandlerDecorator<MessageHandler<T>> {
  return (prototype, method) => declare(prototype, { kind: 'subscribes', method, topic, options });
}

/**
 * The method answers a call once its agent is started: its result, or what it throws, is the answer.
 *
 * ```ts
 * @serves(Review, { concurrency: 4 }) async review({ diff }: ReviewInput, { signal }: RequestContext) { … }
 * ```
 */
export function serves<In, Out>(
  call: string | CallContract<unknown, In, Out, unknown>,
  options?: ServeOptions,
): HandlerDecorator<RequestHandler<In, Out>> {
  return (prototype, method) => declare(prototype, { kind: 'serves', method, call, options });
}

/** Kept on the prototype itself: no registry, and the same key in every copy of this package. */
const HANDLERS = Symbol.for('busbar:handlers');

function declare(prototype: object, handler: Handler): void {
  const own = ownHandlers(prototype);
  if (own === undefined) Object.defineProperty(prototype, HANDLERS, { value: [handler] });
  else own.push(handler);
}

/** The handlers of an agent's class: its own, and inherited ones of methods it does not decorate again. */
export function handlersOf(agent: object): Handler[] {
  const found: Handler[] = [];
  const decorated = new Set<PropertyKey>();
  for (let prototype = Object.getPrototypeOf(agent); prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    const own = (ownHandlers(prototype) ?? []).filter(({ method }) => !decorated.has(method));
    for (const { method } of own) decorated.add(method);
    found.push(...own);
  }
  return found;
}

function ownHandlers(prototype: object): Handler[] | undefined {
  return Object.getOwnPropertyDescriptor(prototype, HANDLERS)?.value as Handler[] | undefined;
}

import { assertCount } from './call-options.ts';
import { closeOnAbort } from './close-on-abort.ts';
import { assertPattern, BusError } from './contract/index.ts';
import { nameOf, type TopicContract } from './contracts.ts';
import type { Engine } from './engine.ts';
import { assertGroup, groupLabel } from './interest/group-label.ts';
import { known } from './membership/known.ts';
import type { SubscribeOptions } from './options.ts';
import { ActiveSubscription, type MessageHandler, type Subscription } from './subscription.ts';

/** Takes messages from now on, and tells peers. @throws BusError see `Bus.subscribe` */
export function subscribe(
  engine: Engine,
  topic: string | TopicContract,
  handler: MessageHandler<unknown> | undefined,
  options: SubscribeOptions | undefined,
): Subscription {
  const pattern = nameOf(topic);
  assertPattern(pattern, 'subscribe');
  assertCount('concurrency', options?.concurrency, `subscribe ${pattern}`);
  const group = options?.group;
  assertGroup(group, `subscribe ${pattern}`);
  const schema = typeof topic === 'string' ? undefined : topic.schema;
  if (options?.lease === true && schema !== undefined) {
    throw new BusError('INVALID_OPTION', 'bytes that are lent cannot be checked by a schema', {
      where: `subscribe ${pattern}`,
      remedy: 'subscribe by name, or without lease',
    });
  }
  const subscription = new ActiveSubscription(
    engine,
    pattern,
    schema,
    handler,
    options?.concurrency,
    group,
    options?.lease === true,
  );
  engine.subscriptions.add(subscription);
  engine.interest.addLocal(pattern, subscription);
  // Who waits for room, or for a first subscriber, may find it here.
  engine.roomReturned();
  engine.holdProcess();
  const kind = group === undefined ? 'pattern' : 'group';
  const name = group === undefined ? pattern : groupLabel(pattern, group);
  const change = group === undefined ? { patterns: [name] } : { groups: [name] };
  // What another subscription has announced may still be on its way.
  const isNews = engine.announced.add(kind, name);
  const acknowledged = engine.membership.announce(isNews ? change : undefined);
  subscription.ready = known(engine, acknowledged, `subscribe ${pattern}`);
  closeOnAbort(options?.signal, subscription);
  return subscription as Subscription;
}

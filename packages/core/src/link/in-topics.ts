import { type FrameHeader, isTopic, SECTION } from '../contract/index.ts';
import { isGroup, splitLabel } from '../interest/group-label.ts';
import type { Answers } from './answers.ts';
import type { LinkHost } from './host.ts';
import { InTopic } from './in-topic.ts';

/** The topics of one peer's messages by the numbers it has given them; learnt as frames bear names. */
export class InTopics {
  readonly #topics: (InTopic | undefined)[] = [];
  readonly #answers: Answers;
  readonly #host: LinkHost;
  /** Topics whose credit was asked for before their first frame was here: questions may take a faster road. */
  readonly #askedEarly = new Set<number>();
  #count = 0;

  constructor(answers: Answers, host: LinkHost) {
    this.#answers = answers;
    this.#host = host;
  }

  numbered(id: number): InTopic | undefined {
    return this.#topics[id];
  }

  /** The topic that a frame names or numbers; or what is wrong with it, in words. */
  of(header: FrameHeader): InTopic | string {
    const id = header.topicId;
    const known = this.#topics[id];
    if ((header.sections & SECTION.TOPIC_NAME) === 0) return known ?? `topic id ${id} was never announced`;
    const label = header.topicName;
    if (known !== undefined && known.label === label) return known;
    const { name, group } = splitLabel(label) ?? { name: label, group: undefined };
    if (!isTopic(name) || (group !== undefined && !isGroup(group)) || id === 0)
      return `topic id ${id} is announced as ${JSON.stringify(label)}`;
    const limit = this.#host.limits.topicsPerPeer;
    if (known === undefined && (this.#count >= limit || id >= limit * 16)) return `more than ${limit} topics`;
    // A number that changes its topic: the sender closed the old account, which was settled.
    if (known === undefined) this.#count++;
    else this.#answers.forget(known);
    const topic = new InTopic(this.#answers, id, this.#host.interest.entry(name), label, group);
    this.#topics[id] = topic;
    if (this.#askedEarly.delete(id)) this.#answers.asked(topic, 0);
    return topic;
  }

  /** The peer waits for credit of the topic it knows by `id`, and has heard that so much was taken. */
  asked(id: number, heard: number): void {
    const topic = this.#topics[id];
    if (topic !== undefined) this.#answers.asked(topic, heard);
    else if (this.#askedEarly.size < this.#host.limits.topicsPerPeer) this.#askedEarly.add(id);
  }
}

import type { RemoteMember } from '../interest/group.ts';
import { type GroupLabel, splitLabel } from '../interest/group-label.ts';
import type { Interest } from '../interest/interest.ts';
import type { Link } from '../link/link.ts';

/** The groups one peer is a member of, and with which patterns. */
export class GroupInterest {
  readonly #link: Link;
  readonly #interest: Interest;
  readonly #labels = new Set<string>();
  readonly #members = new Map<string, { readonly member: RemoteMember; patterns: number }>();

  constructor(link: Link, interest: Interest) {
    this.#link = link;
    this.#interest = interest;
  }

  get labels(): readonly string[] {
    return [...this.#labels];
  }

  has(label: string): boolean {
    return this.#labels.has(label);
  }

  get size(): number {
    return this.#labels.size;
  }

  /** `label` is valid (`isGroupPattern`). */
  add(label: string): void {
    if (this.#labels.has(label)) return;
    const { name, group } = split(label);
    this.#labels.add(label);
    let known = this.#members.get(group);
    if (known === undefined) {
      known = { member: { group, link: this.#link }, patterns: 0 };
      this.#members.set(group, known);
    }
    known.patterns++;
    this.#interest.addMember(name, known.member);
  }

  remove(label: string): void {
    if (!this.#labels.delete(label)) return;
    const { name, group } = split(label);
    const known = this.#members.get(group);
    if (known === undefined) return;
    this.#interest.removeMember(name, known.member);
    if (--known.patterns === 0) this.#members.delete(group);
  }

  clear(): void {
    for (const label of this.#labels) this.remove(label);
  }
}

function split(label: string): GroupLabel {
  return splitLabel(label) as GroupLabel;
}

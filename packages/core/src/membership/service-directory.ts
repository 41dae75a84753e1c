import type { Link } from '../link/link.ts';

const NOBODY: ReadonlySet<Link> = new Set();

/** Which peers serve a call. */
export class ServiceDirectory {
  readonly #links = new Map<string, Set<Link>>();

  add(call: string, link: Link): void {
    const links = this.#links.get(call);
    if (links === undefined) this.#links.set(call, new Set([link]));
    else links.add(link);
  }

  remove(call: string, link: Link): void {
    const links = this.#links.get(call);
    if (links?.delete(link) === true && links.size === 0) this.#links.delete(call);
  }

  of(call: string): ReadonlySet<Link> {
    return this.#links.get(call) ?? NOBODY;
  }
}

import type { Link } from '../link/link.ts';
import type { Production } from './production.ts';

/** The streams this bus is producing, by who opened them: where reports of credit go. */
export class Productions {
  readonly #byOrigin = new Map<Link | undefined, Map<number, Production>>();

  get size(): number {
    let size = 0;
    for (const productions of this.#byOrigin.values()) size += productions.size;
    return size;
  }

  add(production: Production): void {
    const { link, id } = production.request;
    const known = this.#byOrigin.get(link);
    if (known === undefined) this.#byOrigin.set(link, new Map([[id, production]]));
    else known.set(id, production);
  }

  remove(production: Production): void {
    const { link, id } = production.request;
    const known = this.#byOrigin.get(link);
    if (known?.delete(id) === true && known.size === 0) this.#byOrigin.delete(link);
  }

  /** The consumer has taken `taken` bytes in all. What has ended needs no credit. */
  credited(link: Link | undefined, id: number, taken: number): void {
    this.#byOrigin.get(link)?.get(id)?.credited(taken);
  }
}

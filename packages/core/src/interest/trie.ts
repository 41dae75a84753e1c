/**
 * Patterns to values, matched token by token: the cost of a match grows with the depth of the topic, not with the
 * number of patterns. The same (pattern, value) may be added several times and is removed as often.
 */
export class PatternTrie<V> {
  readonly #root = new Node<V>();
  #size = 0;

  /** Distinct (pattern, value) pairs. */
  get size(): number {
    return this.#size;
  }

  /** `pattern` must be valid (`assertPattern`). True when the pair is new. */
  add(pattern: string, value: V): boolean {
    let node = this.#root;
    for (const token of pattern.split('.')) node = node.child(token);
    const count = node.values.get(value) ?? 0;
    node.values.set(value, count + 1);
    if (count === 0) this.#size++;
    return count === 0;
  }

  /** True when that was the last of the pair. */
  remove(pattern: string, value: V): boolean {
    const path: { parent: Node<V>; token: string }[] = [];
    let node: Node<V> | undefined = this.#root;
    for (const token of pattern.split('.')) {
      path.push({ parent: node, token });
      node = node.children.get(token);
      if (node === undefined) return false;
    }
    const count = node.values.get(value);
    if (count === undefined) return false;
    if (count > 1) {
      node.values.set(value, count - 1);
      return false;
    }
    node.values.delete(value);
    this.#size--;
    for (let i = path.length - 1; i >= 0; i--) {
      const { parent, token } = path[i];
      const child = parent.children.get(token);
      if (child === undefined || child.values.size > 0 || child.children.size > 0) break;
      parent.children.delete(token);
    }
    return true;
  }

  /** Every value with a pattern that matches, each once, in order of discovery. */
  match(topic: string): V[] {
    const found = new Set<V>();
    collect(this.#root, topic.split('.'), 0, found);
    return [...found];
  }
}

class Node<V> {
  readonly children = new Map<string, Node<V>>();
  readonly values = new Map<V, number>();

  child(token: string): Node<V> {
    let child = this.children.get(token);
    if (child === undefined) {
      child = new Node<V>();
      this.children.set(token, child);
    }
    return child;
  }
}

function collect<V>(node: Node<V>, tokens: readonly string[], depth: number, found: Set<V>): void {
  if (depth === tokens.length) {
    for (const value of node.values.keys()) found.add(value);
    return;
  }
  const rest = node.children.get('>');
  if (rest !== undefined) for (const value of rest.values.keys()) found.add(value);
  const any = node.children.get('*');
  if (any !== undefined) collect(any, tokens, depth + 1, found);
  const exact = node.children.get(tokens[depth]);
  if (exact !== undefined) collect(exact, tokens, depth + 1, found);
}

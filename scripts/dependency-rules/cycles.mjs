/** The edges that lie on a cycle: those whose target leads back to where they start. */
export function cyclicEdges(nodes, edges) {
  const component = components(nodes, edges);
  return edges.filter(({ from, to }) => to === from || (to && component.get(to) === component.get(from)));
}

/** Tarjan's strongly connected components, as a map from node to the number of its component. */
function components(nodes, edges) {
  const next = new Map([...nodes].map((node) => [node, []]));
  for (const { from, to } of edges) if (next.has(to)) next.get(from).push(to);
  const order = new Map();
  const low = new Map();
  const component = new Map();
  const stack = [];
  const visit = (node) => {
    order.set(node, order.size);
    low.set(node, order.get(node));
    stack.push(node);
    for (const to of next.get(node)) {
      if (!order.has(to)) visit(to);
      if (!component.has(to)) low.set(node, Math.min(low.get(node), low.get(to)));
    }
    if (low.get(node) !== order.get(node)) return;
    let member;
    do {
      member = stack.pop();
      component.set(member, order.get(node));
    } while (member !== node);
  };
  for (const node of nodes) if (!order.has(node)) visit(node);
  return component;
}

/**
 * Cycles of a directed graph given as node → targets: one shortest way round for each strongly connected part, the
 * first node repeated at the end. Targets that are no nodes are ignored.
 */
export function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  return componentsOf(graph)
    .filter((part) => part.length > 1 || graph.get(part[0] ?? '')?.includes(part[0] ?? '') === true)
    .map((part) => wayRound(graph, part));
}

/** Strongly connected parts, by Tarjan's algorithm with an explicit stack. */
function componentsOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const onStack = new Set<string>();
  const stack: string[] = [];
  const parts: string[][] = [];
  const visit = (root: string): void => {
    const work: { node: string; next: number }[] = [{ node: root, next: 0 }];
    while (work.length > 0) {
      const frame = work[work.length - 1] as { node: string; next: number };
      const { node } = frame;
      if (frame.next === 0) {
        index.set(node, index.size);
        low.set(node, index.size - 1);
        stack.push(node);
        onStack.add(node);
      }
      const targets = (graph.get(node) ?? []).filter((target) => graph.has(target));
      const target = targets[frame.next++];
      if (target !== undefined) {
        if (!index.has(target)) work.push({ node: target, next: 0 });
        else if (onStack.has(target)) lower(low, node, index.get(target));
        continue;
      }
      work.pop();
      const parent = work[work.length - 1];
      if (parent !== undefined) lower(low, parent.node, low.get(node));
      if (low.get(node) === index.get(node)) parts.push(popPart(stack, onStack, node));
    }
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return parts;
}

function lower(low: Map<string, number>, node: string, value: number | undefined): void {
  low.set(node, Math.min(low.get(node) ?? 0, value ?? 0));
}

function popPart(stack: string[], onStack: Set<string>, root: string): string[] {
  const part: string[] = [];
  for (;;) {
    const node = stack.pop() as string;
    onStack.delete(node);
    part.push(node);
    if (node === root) return part.reverse();
  }
}

/** A shortest cycle through the first node of a strongly connected part. */
function wayRound(
  graph: ReadonlyMap<string, readonly string[]>,
  part: readonly string[],
): string[] {
  const start = part[0] ?? '';
  const inPart = new Set(part);
  const from = new Map<string, string>();
  const queue = [start];
  for (const node of queue) {
    for (const target of graph.get(node) ?? []) {
      if (target === start) {
        const way = [start];
        for (let at = node; at !== start; at = from.get(at) ?? start) way.unshift(at);
        return [start, ...way];
      }
      if (!inPart.has(target) || from.has(target)) continue;
      from.set(target, node);
      queue.push(target);
    }
  }
  return [...part];
}

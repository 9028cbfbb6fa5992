import type { FilterPlan } from './filter-plan.ts';
import type { Filter } from './options.ts';

/** The grammar of filters comes in a file of its own, as few pages want it. */
export async function loadFilter(tree: Filter | undefined): Promise<FilterPlan> {
  if (tree === undefined) return { nodes: [], tag: 0 };
  return (await import('./filter-plan.ts')).planFilter(tree);
}

import type { FilterTree } from '@millrace/gateway-protocol';
import type { FilterPlan } from './filter-plan.ts';

/** The grammar of filters comes in a file of its own, as few pages want it. */
export async function loadFilter(tree: FilterTree | undefined): Promise<FilterPlan> {
  if (tree === undefined) return { nodes: [], tag: 0 };
  return (await import('./filter-plan.ts')).planFilter(tree);
}

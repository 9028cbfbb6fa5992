// What a page loads when it subscribes with a filter.
import { canonicalFilter, type FilterNode, filterToNodes } from '@millrace/gateway-protocol';
import { GatewayError } from './errors.ts';
import type { Filter } from './options.ts';

export interface FilterPlan {
  readonly nodes: readonly FilterNode[];
  /** CRC-32C of the canonical filter, part of every resume token. */
  readonly tag: number;
}

/** @throws GatewayError when it is no filter, or no record can match it. */
export function planFilter(tree: Filter): FilterPlan {
  try {
    const nodes = filterToNodes(tree);
    const canonical = canonicalFilter(nodes);
    if (canonical !== null) return { nodes, tag: canonical.tag };
  } catch (cause) {
    throw new GatewayError(0, 'this is no filter', { cause });
  }
  throw new GatewayError(0, 'no record can match this filter');
}

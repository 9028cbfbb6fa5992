import {
  canonicalFilter,
  compileFilter,
  type FilterNode,
  filterKeys,
  filterNeedsHeaders,
} from '@millrace/gateway-protocol';
import type { CompiledFilter } from './compiled-filter.ts';

/**
 * A filter in its run-time form, or null when it can match nothing by construction.
 *
 * @param nodes postfix order; the grant's nodes are ANDed already.
 * @throws FilterError when it is outside the limits of the protocol.
 */
export function compileCursorFilter(nodes: readonly FilterNode[]): CompiledFilter | null {
  const canonical = canonicalFilter(nodes);
  if (canonical === null) return null;
  return {
    id: Buffer.from(canonical.bytes).toString('latin1'),
    tag: canonical.tag,
    nodes,
    keys: filterKeys(nodes),
    needsHeaders: filterNeedsHeaders(nodes),
    passes: compileFilter(nodes),
  };
}

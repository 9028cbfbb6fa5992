import type { FilterNode, HeaderField } from '@millrace/gateway-protocol';

/** A filter ready to be asked about records. Equal filters have equal `id`s. */
export interface CompiledFilter {
  /** Canonical bytes as text, one character per byte. */
  readonly id: string;
  /** CRC-32C of the canonical bytes. */
  readonly tag: number;
  readonly nodes: readonly FilterNode[];
  /** Every record that passes has one of these keys; null when there is no such list (an unindexed filter). */
  readonly keys: readonly Uint8Array[] | null;
  /** False: `passes` looks at keys alone, and needs not be given headers. */
  readonly needsHeaders: boolean;
  passes(key: Uint8Array | null, headers: readonly HeaderField[]): boolean;
}

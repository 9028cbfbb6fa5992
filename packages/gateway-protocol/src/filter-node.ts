/** One node of a filter in postfix order. `op` is a `FilterOp`. */
export interface FilterNode {
  readonly op: number;
  /** Operands of AND, OR and NOT; 0 for a leaf. */
  readonly arity: number;
  /** Header name, for the HEADER operations. */
  readonly name: string | null;
  readonly values: readonly Uint8Array[];
}

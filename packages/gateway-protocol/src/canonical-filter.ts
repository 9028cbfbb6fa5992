import { crc32c } from '@millrace/bytes';
import { FilterOp } from './enums.ts';
import { foldFilter } from './filter.ts';
import type { FilterNode } from './frame-parts.ts';
import { utf8 } from './utf8.ts';

/** What identifies a filter: equal filters, however they are written, have equal bytes. */
export interface CanonicalFilter {
  readonly bytes: Uint8Array;
  /** CRC-32C of the bytes; 0 for no filter. */
  readonly tag: number;
}

interface Term {
  readonly op: number;
  readonly operands: readonly Term[];
  /** The term and all below it, in postfix order. */
  readonly bytes: Uint8Array;
  /** No record can match it. */
  readonly isImpossible: boolean;
  /** Keys that a matching record can have, as far as that follows from the term alone; null = any. */
  readonly keys: readonly string[] | null;
}

/** Stands for the null key among keys, which are hexadecimal. */
const NULL_KEY = 'null';

/**
 * Canonical form: operands sorted by their bytes, nested AND and OR flattened, duplicates removed, a
 * single operand left in AND or OR in its place. No nodes are no filter.
 * @returns null when no record can match.
 * @throws FilterError when the nodes are no filter.
 */
export function canonicalFilter(nodes: readonly FilterNode[]): CanonicalFilter | null {
  if (nodes.length === 0) return { bytes: new Uint8Array(0), tag: 0 };
  const root = foldFilter(nodes, makeTerm);
  if (root.isImpossible) return null;
  return { bytes: root.bytes, tag: crc32c(root.bytes) };
}

/**
 * Keys of which a matching record has one: what KEY_EQ and KEY_IN demand in an AND branch from the
 * root. Null when the filter cannot be looked up by key.
 * @throws FilterError when the nodes are no filter.
 */
export function filterKeys(nodes: readonly FilterNode[]): readonly Uint8Array[] | null {
  if (nodes.length === 0) return null;
  return foldFilter<readonly Uint8Array[] | null>(nodes, ({ op, values }, operands) => {
    if (op === FilterOp.KEY_EQ || op === FilterOp.KEY_IN) return values;
    if (op !== FilterOp.AND) return null;
    return operands.reduce((best, keys) =>
      best === null || (keys !== null && keys.length < best.length) ? keys : best,
    );
  });
}

function makeTerm(node: FilterNode, operands: readonly Term[]): Term {
  const { op, name } = node;
  if (op === FilterOp.AND || op === FilterOp.OR) return join(op, operands);
  if (op === FilterOp.NOT)
    return {
      op,
      operands,
      bytes: concat([...operands.map((operand) => operand.bytes), Uint8Array.of(op, 1)]),
      isImpossible: false,
      keys: null,
    };
  const values = distinct([...node.values].sort(compareBytes), (value) => value);
  const isKeyTest = op === FilterOp.KEY_EQ || op === FilterOp.KEY_IN;
  return {
    op,
    operands,
    bytes: leafBytes(op, name, values),
    isImpossible: false,
    keys: isKeyTest ? values.map(hex) : op === FilterOp.KEY_NULL ? [NULL_KEY] : null,
  };
}

function join(op: number, operands: readonly Term[]): Term {
  const flat = operands.flatMap((operand) => (operand.op === op ? operand.operands : [operand]));
  const sorted = [...flat].sort((a, b) => compareBytes(a.bytes, b.bytes));
  const terms = distinct(sorted, (term) => term.bytes);
  if (terms.length === 1) return terms[0] as Term;
  const isAnd = op === FilterOp.AND;
  const keys = isAnd ? commonKeys(terms) : null;
  return {
    op,
    operands: terms,
    bytes: concat([...terms.map((term) => term.bytes), Uint8Array.of(op, terms.length)]),
    isImpossible: isAnd
      ? keys?.length === 0 || terms.some((term) => term.isImpossible)
      : terms.every((term) => term.isImpossible),
    keys,
  };
}

function commonKeys(terms: readonly Term[]): readonly string[] | null {
  let common: readonly string[] | null = null;
  for (const { keys } of terms) {
    if (keys === null) continue;
    const allowed = new Set(keys);
    common = common === null ? keys : common.filter((key) => allowed.has(key));
  }
  return common;
}

/** `op │ u16 length of name, 0xFFFF = none │ name │ u16 count │ count × { u32 length │ value }`, big-endian. */
function leafBytes(op: number, name: string | null, values: readonly Uint8Array[]): Uint8Array {
  const text = utf8(name ?? '');
  const length = name === null ? 0xffff : text.length;
  return concat([
    Uint8Array.of(op, length >> 8, length, ...text, values.length >> 8, values.length),
    ...values.flatMap((value) => [Uint8Array.of(0, 0, value.length >> 8, value.length), value]),
  ]);
}

/** Without neighbours of equal bytes. */
function distinct<T>(sorted: readonly T[], bytesOf: (item: T) => Uint8Array): T[] {
  return sorted.filter((item, i) => {
    const before = sorted[i - 1];
    return before === undefined || compareBytes(bytesOf(before), bytesOf(item)) !== 0;
  });
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  return a.length - b.length;
}

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

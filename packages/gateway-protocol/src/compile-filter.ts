import { FilterOp } from './enums.ts';
import { foldFilter } from './filter.ts';
import type { FilterNode, HeaderField } from './frame-parts.ts';

/** True when a record passes. A caller without headers at hand asks `filterNeedsHeaders` first. */
export type FilterTest = (key: Uint8Array | null, headers: readonly HeaderField[]) => boolean;

type BytesTest = (bytes: Uint8Array) => boolean;

/** False when the test never looks at headers. */
export function filterNeedsHeaders(nodes: readonly FilterNode[]): boolean {
  return nodes.some(({ name }) => name !== null);
}

/** The test that a filter describes; no nodes pass everything. @throws FilterError */
export function compileFilter(nodes: readonly FilterNode[]): FilterTest {
  return nodes.length === 0 ? () => true : foldFilter(nodes, compileNode);
}

function compileNode(node: FilterNode, operands: readonly FilterTest[]): FilterTest {
  const { op, name, values } = node;
  switch (op) {
    case FilterOp.AND:
      return (key, headers) => operands.every((operand) => operand(key, headers));
    case FilterOp.OR:
      return (key, headers) => operands.some((operand) => operand(key, headers));
    case FilterOp.NOT: {
      const operand = operands[0] as FilterTest;
      return (key, headers) => !operand(key, headers);
    }
    case FilterOp.KEY_NULL:
      return (key) => key === null;
    case FilterOp.HEADER_EXISTS:
      return (_, headers) => headers.some((header) => header.name === name);
  }
  // EQ, IN and PREFIX follow each other, of the key from 0 on, of headers from HEADER_EQ on.
  const isKeyTest = op < FilterOp.HEADER_EQ;
  const test = compileBytes(isKeyTest ? op : op - FilterOp.HEADER_EQ, values);
  if (isKeyTest) return (key) => key !== null && test(key);
  return (_, headers) =>
    headers.some((header) => header.name === name && header.value !== null && test(header.value));
}

/** @param op KEY_EQ, KEY_IN or KEY_PREFIX. */
function compileBytes(op: number, values: readonly Uint8Array[]): BytesTest {
  const first = values[0] as Uint8Array;
  if (op === FilterOp.KEY_PREFIX)
    return (bytes) => bytes.length >= first.length && beginsWith(bytes, first);
  if (op === FilterOp.KEY_EQ)
    return (bytes) => bytes.length === first.length && beginsWith(bytes, first);
  const byHash = new Map<number, Uint8Array[]>();
  for (const value of values) {
    const hash = hashOf(value);
    const same = byHash.get(hash);
    if (same === undefined) byHash.set(hash, [value]);
    else same.push(value);
  }
  return (bytes) => {
    const candidates = byHash.get(hashOf(bytes));
    if (candidates === undefined) return false;
    return candidates.some((value) => value.length === bytes.length && beginsWith(bytes, value));
  };
}

/** `bytes` has at least the length of `start`. */
function beginsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  for (let i = 0; i < start.length; i++) if (bytes[i] !== start[i]) return false;
  return true;
}

/** FNV-1a; of long keys only the ends, since whoever makes a key decides how long this takes. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5 ^ bytes.length;
  const length = Math.min(bytes.length, HASHED_BYTES);
  for (let i = 0; i < length; i++) {
    hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
    hash = Math.imul(hash ^ (bytes[bytes.length - 1 - i] as number), 0x01000193);
  }
  return hash;
}

const HASHED_BYTES = 64;

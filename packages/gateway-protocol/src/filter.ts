import { fromBase64, toBase64 } from './base64.ts';
import { ErrorCode } from './codes.ts';
import { FilterOp } from './enums.ts';
import type { FilterNode } from './frame-parts.ts';
import {
  FILTER_BYTES_MAX,
  FILTER_DEPTH_MAX,
  FILTER_NAME_BYTES_MAX,
  FILTER_NODES_MAX,
  FILTER_OPERANDS_MAX,
  FILTER_VALUES_MAX,
} from './limits.ts';
import { isUtf8, textOf, utf8 } from './utf8.ts';

/** A filter as people write it; the JSON subprotocol uses the same form. */
export type FilterTree =
  | { readonly key: KeyTest | null }
  | { readonly header: HeaderTest }
  | { readonly and: readonly FilterTree[] }
  | { readonly or: readonly FilterTree[] }
  | { readonly not: FilterTree };
export type KeyTest =
  | { readonly eq: FilterBytes }
  | { readonly in: readonly FilterBytes[] }
  | { readonly prefix: FilterBytes };
/** True when any header of that name matches. */
export type HeaderTest = { readonly name: string } & (KeyTest | { readonly exists: true });
/** Text stands for its UTF-8 bytes. */
export type FilterBytes = string | Uint8Array | { readonly b64: string };

/** A filter outside of the grammar or its limits. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
  readonly code = ErrorCode.BAD_REQUEST;
}

/** In the order of KEY_EQ, KEY_IN, KEY_PREFIX and of HEADER_EQ, HEADER_IN, HEADER_PREFIX. */
const COMPARISONS = ['eq', 'in', 'prefix'] as const;
type Members = Readonly<Record<string, unknown>>;

/** The wire form of a tree: nodes in postfix order. @throws FilterError */
export function filterToNodes(tree: FilterTree): FilterNode[] {
  const nodes: FilterNode[] = [];
  addTree(tree, nodes, 1);
  checkFilter(nodes);
  return nodes;
}

function addTree(tree: unknown, nodes: FilterNode[], depth: number): void {
  if (depth > FILTER_DEPTH_MAX) throw new FilterError(`more than ${FILTER_DEPTH_MAX} levels`);
  const [name, operand] = onlyMember(tree);
  if (name === 'key') addKeyLeaf(operand, nodes);
  else if (name === 'header') addHeaderLeaf(operand, nodes);
  else if (name === 'not') {
    addTree(operand, nodes, depth + 1);
    nodes.push(branch(FilterOp.NOT, 1));
  } else if ((name === 'and' || name === 'or') && Array.isArray(operand)) {
    if (operand.length > FILTER_OPERANDS_MAX) throw new FilterError('too many operands');
    for (const item of operand) addTree(item, nodes, depth + 1);
    nodes.push(branch(name === 'and' ? FilterOp.AND : FilterOp.OR, operand.length));
  } else throw new FilterError(`"${name}" is no test`);
}

function addKeyLeaf(test: unknown, nodes: FilterNode[]): void {
  if (test === null) nodes.push(leaf(FilterOp.KEY_NULL, null, []));
  else {
    const [name, operand] = onlyMember(test);
    const [op, values] = comparison(name, operand);
    nodes.push(leaf(FilterOp.KEY_EQ + op, null, values));
  }
}

function addHeaderLeaf(header: unknown, nodes: FilterNode[]): void {
  const { name, ...rest } = members(header);
  if (typeof name !== 'string') throw new FilterError('a header test has a name');
  const [test, operand] = onlyMember(rest);
  if (test === 'exists' && operand === true) nodes.push(leaf(FilterOp.HEADER_EXISTS, name, []));
  else {
    const [op, values] = comparison(test, operand);
    nodes.push(leaf(FilterOp.HEADER_EQ + op, name, values));
  }
}

/** Which of EQ, IN, PREFIX it is, and its values. */
function comparison(name: string, operand: unknown): [number, Uint8Array[]] {
  const op = COMPARISONS.indexOf(name as 'eq');
  if (op < 0) throw new FilterError(`"${name}" is no comparison`);
  if (op !== 1) return [op, [bytesOf(operand)]];
  if (!Array.isArray(operand)) throw new FilterError('"in" has a list');
  if (operand.length > FILTER_VALUES_MAX) throw new FilterError('too many values');
  return [op, operand.map(bytesOf)];
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return utf8(value);
  if (value instanceof Uint8Array) return value;
  const [name, text] = onlyMember(value);
  const bytes = name === 'b64' && typeof text === 'string' ? fromBase64(text) : null;
  if (bytes === null) throw new FilterError('a value is a string or {"b64": …}');
  return bytes;
}

function members(value: unknown): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FilterError('an object is missing');
  return value as Members;
}

function onlyMember(value: unknown): [string, unknown] {
  const entries = Object.entries(members(value));
  if (entries.length !== 1) throw new FilterError('an object has exactly one member');
  return entries[0] as [string, unknown];
}

function leaf(op: number, name: string | null, values: readonly Uint8Array[]): FilterNode {
  return { op, arity: 0, name, values };
}

function branch(op: number, arity: number): FilterNode {
  return { op, arity, name: null, values: [] };
}

/** The tree of a wire form. @throws FilterError */
export function nodesToFilter(nodes: readonly FilterNode[]): FilterTree {
  return foldFilter<FilterTree>(nodes, ({ op, name, values }, operands) => {
    if (op === FilterOp.NOT) return { not: operands[0] as FilterTree };
    if (op === FilterOp.AND) return { and: operands };
    if (op === FilterOp.OR) return { or: operands };
    if (op === FilterOp.KEY_NULL) return { key: null };
    const texts = values.map((bytes) =>
      isUtf8(bytes, 0, bytes.length) ? textOf(bytes, 0, bytes.length) : { b64: toBase64(bytes) },
    );
    const first = texts[0] as FilterBytes;
    if (op === FilterOp.HEADER_EXISTS) return { header: { name: name ?? '', exists: true } };
    const isKeyTest = op < FilterOp.HEADER_EQ;
    const kind = isKeyTest ? op : op - FilterOp.HEADER_EQ;
    const test: KeyTest =
      kind === 0 ? { eq: first } : kind === 1 ? { in: texts } : { prefix: first };
    return isKeyTest ? { key: test } : { header: { name: name ?? '', ...test } };
  });
}

/** Every rule of §11 but the contradictions. @throws FilterError */
export function checkFilter(nodes: readonly FilterNode[]): void {
  foldFilter(nodes, () => null);
}

/**
 * Checks a filter and computes a value of it from the leaves up: `make` gets each node with what it
 * made of its operands. @throws FilterError
 */
export function foldFilter<T>(
  nodes: readonly FilterNode[],
  make: (node: FilterNode, operands: readonly T[]) => T,
): T {
  if (nodes.length > FILTER_NODES_MAX) throw new FilterError(`${nodes.length} nodes`);
  const stack: { depth: number; value: T }[] = [];
  let values = 0;
  let bytes = 0;
  for (const node of nodes) {
    checkNode(node);
    values += node.values.length;
    bytes += node.name === null ? 0 : utf8(node.name).length;
    for (const value of node.values) bytes += value.length;
    if (values > FILTER_VALUES_MAX || bytes > FILTER_BYTES_MAX)
      throw new FilterError('too many or too long values');
    if (node.arity > stack.length) throw new FilterError('an operand is missing');
    const operands = stack.splice(stack.length - node.arity);
    const depth = 1 + Math.max(0, ...operands.map((operand) => operand.depth));
    if (depth > FILTER_DEPTH_MAX) throw new FilterError(`more than ${FILTER_DEPTH_MAX} levels`);
    stack.push({
      depth,
      value: make(
        node,
        operands.map((operand) => operand.value),
      ),
    });
  }
  const [root, ...rest] = stack;
  if (root === undefined || rest.length > 0) throw new FilterError('not one tree');
  return root.value;
}

function checkNode({ op, arity, name, values }: FilterNode): void {
  const isHeader = op >= FilterOp.HEADER_EQ && op <= FilterOp.HEADER_EXISTS;
  if ((name !== null) !== isHeader)
    throw new FilterError('header tests, and only they, have a name');
  if (name !== null && utf8(name).length > FILTER_NAME_BYTES_MAX)
    throw new FilterError('a header name is too long');
  let isRight: boolean;
  if (op === FilterOp.AND || op === FilterOp.OR)
    isRight = arity >= 2 && arity <= FILTER_OPERANDS_MAX && values.length === 0;
  else if (op === FilterOp.NOT) isRight = arity === 1 && values.length === 0;
  else if (op === FilterOp.KEY_NULL || op === FilterOp.HEADER_EXISTS)
    isRight = arity === 0 && values.length === 0;
  else if (op === FilterOp.KEY_IN || op === FilterOp.HEADER_IN)
    isRight = arity === 0 && values.length > 0;
  else isRight = arity === 0 && values.length === 1 && op >= 0 && op <= FilterOp.NOT;
  if (!isRight) throw new FilterError('a test has a wrong number of values or operands');
}

import { type FilterNode, FilterOp } from '@millrace/gateway-protocol';
import {
  type GrantLimits,
  type Grants,
  isInternalTopic,
  type ReadGrant,
  type WriteGrant,
} from './grants.ts';
import { filterOpOf, matches, type Pattern, type PatternValues, readPattern } from './pattern.ts';

/** Entries of each list in one token; its 8 KiB allow for few more. */
const ENTRIES_MAX = 256;
const PARTITIONS_MAX = 1024;

/** What is granted for the topics of a pattern. */
export interface GrantEntry<G> {
  readonly topic: Pattern;
  readonly grant: G;
}

/** The claim `mr` as it was understood. */
export interface GrantsClaim {
  readonly tenant: string;
  readonly read: readonly GrantEntry<ReadGrant>[];
  readonly write: readonly GrantEntry<WriteGrant>[];
  readonly commit: readonly Pattern[];
  readonly limits: GrantLimits;
}

/** The claim `mr` is not what §16.2 describes; says where. */
export class GrantsClaimError extends Error {
  override readonly name = 'GrantsClaimError';
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the claim `mr` of a token of `sub`. Without the claim nothing is granted.
 * @throws GrantsClaimError for anything unknown in it: a right must not be wider than its author thought.
 */
export function readGrantsClaim(claim: unknown, sub: string): GrantsClaim {
  if (claim === undefined) return { tenant: '', read: [], write: [], commit: [], limits: {} };
  const mr = objectOf(claim, 'mr', ['v', 'tenant', 'read', 'write', 'commit', 'limits']);
  if (mr.v !== 1) fail('mr.v');
  const tenant = mr.tenant === undefined ? '' : textOf(mr.tenant, 'mr.tenant');
  const values = { sub, tenant };
  return {
    tenant,
    read: listOf(mr.read, 'mr.read').flatMap((entry) => readEntry(entry, values)),
    write: listOf(mr.write, 'mr.write').flatMap((entry) => writeEntry(entry, values)),
    commit: listOf(mr.commit, 'mr.commit').flatMap((name) => {
      const pattern = readPattern(textOf(name, 'mr.commit'), values);
      return pattern === null ? [] : [pattern];
    }),
    limits: limitsOf(mr.limits),
  };
}

/** The rights of a claim. */
export function grantsOf(claim: GrantsClaim): Grants {
  return {
    mayRead: (topic) => firstMatch(claim.read, topic),
    mayWrite: (topic) => firstMatch(claim.write, topic),
    mayCommit: (name) => claim.commit.some((pattern) => matches(pattern, name)),
    limits: claim.limits,
  };
}

function firstMatch<G>(entries: readonly GrantEntry<G>[], topic: string): G | null {
  for (const { topic: pattern, grant } of entries) {
    if (pattern.kind === 'prefix' && isInternalTopic(topic)) continue;
    if (matches(pattern, topic)) return grant;
  }
  return null;
}

function readEntry(entry: unknown, values: PatternValues): GrantEntry<ReadGrant>[] {
  const names = ['topic', 'partitions', 'key', 'header', 'rate', 'watermark'];
  const from = objectOf(entry, 'mr.read', names);
  const topic = readPattern(textOf(from.topic, 'mr.read.topic'), values);
  const filter: FilterNode[] = [];
  let isEmpty = topic === null;
  if (from.key !== undefined) {
    const pattern = readPattern(textOf(from.key, 'mr.read.key'), values);
    if (pattern === null) isEmpty = true;
    else filter.push(leaf(pattern, 'KEY', null));
  }
  if (from.header !== undefined) {
    const header = objectOf(from.header, 'mr.read.header', ['name', 'value']);
    const pattern = readPattern(textOf(header.value, 'mr.read.header.value'), values);
    if (pattern === null) isEmpty = true;
    else filter.push(leaf(pattern, 'HEADER', textOf(header.name, 'mr.read.header.name')));
  }
  if (filter.length === 2) filter.push({ op: FilterOp.AND, arity: 2, name: null, values: [] });
  const grant: ReadGrant = {
    partitions: partitionsOf(from.partitions),
    filter: filter.length === 0 ? null : filter,
    rate: countOf(from.rate, 'mr.read.rate') ?? 0,
    watermark: flagOf(from.watermark, 'mr.read.watermark'),
  };
  return topic === null || isEmpty ? [] : [{ topic, grant }];
}

function leaf(pattern: Pattern, of: 'KEY' | 'HEADER', name: string | null): FilterNode {
  return { op: filterOpOf(pattern, of), arity: 0, name, values: [Buffer.from(pattern.text)] };
}

function writeEntry(entry: unknown, values: PatternValues): GrantEntry<WriteGrant>[] {
  const from = objectOf(entry, 'mr.write', ['topic', 'key', 'rate', 'leaderAck']);
  const topic = readPattern(textOf(from.topic, 'mr.write.topic'), values);
  const key = from.key === undefined ? undefined : textOf(from.key, 'mr.write.key');
  const pattern = key === undefined ? undefined : readPattern(key, values);
  const grant: WriteGrant = {
    key: pattern ?? null,
    rate: countOf(from.rate, 'mr.write.rate') ?? 0,
    leaderAck: flagOf(from.leaderAck, 'mr.write.leaderAck'),
  };
  return topic === null || pattern === null ? [] : [{ topic, grant }];
}

function limitsOf(value: unknown): GrantLimits {
  if (value === undefined) return {};
  const from = objectOf(value, 'mr.limits', ['connections', 'subscriptions', 'streams']);
  const limits: Record<string, number> = {};
  for (const name of Object.keys(from)) {
    const count = countOf(from[name], `mr.limits.${name}`);
    if (count !== undefined) limits[name] = count;
  }
  return limits;
}

function partitionsOf(value: unknown): ReadonlySet<number> | null {
  if (value === undefined) return null;
  if (!Array.isArray(value) || value.length > PARTITIONS_MAX) fail('mr.read.partitions');
  return new Set(value.map((item) => countOf(item, 'mr.read.partitions') ?? fail('partitions')));
}

function objectOf(value: unknown, what: string, names: readonly string[]): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(what);
  for (const name of Object.keys(value)) if (!names.includes(name)) fail(`${what}.${name}`);
  return value as Json;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > ENTRIES_MAX) fail(what);
  return value;
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') fail(what);
  return value;
}

function countOf(value: unknown, what: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) fail(what);
  return value;
}

function flagOf(value: unknown, what: string): boolean {
  if (value !== undefined && typeof value !== 'boolean') fail(what);
  return value === true;
}

function fail(what: string): never {
  throw new GrantsClaimError(`${what} is not understood`);
}

import { javaStringHash } from '@millrace/bytes';
import { describe, expect, test } from 'vitest';
import {
  decodeFrame,
  encodeFrame,
  type Frame,
  goldenFrames,
  keyOfFrame,
  NAMED,
  UNKNOWN_TAGS,
} from '../golden/frames.ts';
import { apis, messageFiles } from '../schemas/index.ts';
import type { Field } from '../schemas/language.ts';
import * as protocol from './index.ts';

const frames = goldenFrames();
const frameOfKey = new Map(frames.map((frame) => [keyOfFrame(frame), frame]));

describe('frames of the Java client', () => {
  test('are there for every API and version of the tables', () => {
    const missing: string[] = [];
    for (const { name, minVersion, maxVersion } of protocol.apiSpecs) {
      for (let version = minVersion; version <= maxVersion; version++) {
        for (const part of ['Request', 'Response']) {
          if (!frameOfKey.has(`${name}${part} ${version} 0`)) missing.push(`${name} ${version}`);
        }
      }
    }
    for (const { name } of messageFiles.flatMap(({ messages }) => messages)) {
      if (!frameOfKey.has(`${name} 0 0`)) missing.push(name);
    }
    expect(missing).toEqual([]);
    expect(apis.length).toBe(protocol.apiSpecs.length);
  });

  const names = [...new Set(frames.map(({ name }) => name))];
  test.each(names)('%s is decoded and encoded again byte for byte', (name) => {
    for (const frame of frames) {
      if (frame.name !== name || frame.variant === UNKNOWN_TAGS) continue;
      const again = encodeFrame(frame, decodeFrame(frame));
      expect(Buffer.from(again).toString('hex'), keyOfFrame(frame)).toBe(
        Buffer.from(frame.bytes).toString('hex'),
      );
    }
  });

  test('unknown tagged fields change nothing that is decoded', () => {
    let count = 0;
    for (const frame of frames) {
      if (frame.variant !== UNKNOWN_TAGS) continue;
      const plain = frameOfKey.get(keyOfFrame({ ...frame, variant: NAMED })) as Frame;
      expect(plain.bytes.length, keyOfFrame(frame)).toBeLessThan(frame.bytes.length);
      expect(decodeFrame(frame), keyOfFrame(frame)).toEqual(decodeFrame(plain));
      count++;
    }
    expect(count).toBeGreaterThan(150);
  });

  test('every value stands under its own name, and every field of the tables is seen', () => {
    const seen = new Set<string>();
    for (const frame of frames) {
      if (frame.variant !== NAMED) continue;
      const value = decodeFrame(frame) as { body?: unknown };
      walk('body' in value ? value.body : value, frame.name, (path, leaf) => {
        const name = path.slice(path.lastIndexOf('.') + 1);
        if (isNamed(name, leaf)) seen.add(path);
        else expect(isDefault(leaf), `${keyOfFrame(frame)}: ${path} is ${String(leaf)}`).toBe(true);
      });
    }
    const tables = apis.flatMap(({ name, request, response }) => [
      ...paths(`${name}Request`, request, new Map()),
      ...paths(`${name}Response`, response, new Map()),
    ]);
    for (const { name, fields } of messageFiles.flatMap(({ messages }) => messages)) {
      tables.push(...paths(name, fields, new Map()));
    }
    expect(tables.length).toBeGreaterThan(500);
    expect(tables.filter((path) => !seen.has(path))).toEqual([]);
  });
});

/** Paths of all fields that hold no struct. */
function paths(
  path: string,
  fields: readonly Field[],
  structs: Map<string, readonly Field[]>,
): string[] {
  return fields.flatMap((field) => {
    const inner = field.fields ?? structs.get(field.type);
    if (inner === undefined) return [`${path}.${field.name}`];
    structs.set(field.type, inner);
    return paths(`${path}.${field.name}`, inner, structs);
  });
}

/** Calls `visit` for every scalar, with the path of field names to it. */
function walk(value: unknown, path: string, visit: (path: string, leaf: unknown) => void): void {
  if (Array.isArray(value)) {
    for (const element of value) walk(element, path, visit);
  } else if (value === null || typeof value !== 'object' || value instanceof Uint8Array) {
    visit(path, value);
  } else {
    for (const [field, inner] of Object.entries(value)) walk(inner, `${path}.${field}`, visit);
  }
}

/** The value that the variant NAMED gives to a field of this name. */
function isNamed(name: string, leaf: unknown): boolean {
  const hash = javaStringHash(name);
  if (typeof leaf === 'boolean') return leaf;
  if (typeof leaf === 'number')
    return [0x7f, 0x7fff, 0x7fffffff].some((mask) => (hash & mask) === leaf);
  if (typeof leaf === 'bigint') return leaf === BigInt(hash & 0x7fffffff);
  if (leaf instanceof Uint8Array) return Buffer.from(leaf).toString() === name;
  return leaf === name || leaf === namedUuid(hash);
}

function namedUuid(hash: number): string {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64BE(BigInt(hash));
  bytes.writeBigInt64BE(BigInt(~hash), 8);
  return bytes.toString('base64url');
}

/** What a field holds that the version does not have. */
function isDefault(leaf: unknown): boolean {
  if (leaf instanceof Uint8Array) return leaf.length === 0;
  if (typeof leaf === 'bigint') return leaf === 9223372036854775807n;
  const values = [null, '', false, 0, 1, -1, -2, 60000, 2000, 0x7fffffff, -(2 ** 31), true];
  return values.includes(leaf as never) || leaf === 'AAAAAAAAAAAAAAAAAAAAAA';
}

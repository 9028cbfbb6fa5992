import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as enums from './enums.ts';
import { FrameTag } from './frames.ts';
import { jsonNames } from './json-names.ts';
import { type Row, type Shape, Wire } from './row.ts';
import { frameRows, tagOf } from './tables.ts';

const PLACE = path.join(import.meta.dirname, '..', 'frames.fbs');
const text = readFileSync(PLACE, 'utf8');

const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
const small = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);
const constant = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/** Every table and struct of ours by its name in the schema. */
function shapes(): Map<string, Shape> {
  const found = new Map<string, Shape>();
  for (const { kind, shape } of frameRows) found.set(kind, shape);
  const frame = (kind: string) => found.get(kind) as Shape;
  const of = (shape: Shape, field: string) => shape.rows[shape.names.indexOf(field)]?.of as Shape;
  const filterNode = of(frame('subscribe'), 'filter');
  return new Map([
    ...found,
    ['partitionOffset', of(frame('commit'), 'offsets')],
    ['streamOffset', of(frame('progress'), 'streams')],
    ['partitionCode', of(frame('committed'), 'results')],
    ['bytes', of(filterNode, 'values')],
    ['header', of(frame('publish'), 'headers')],
    ['filterNode', filterNode],
    ['limits', of(frame('welcome'), 'limits')],
    ['stream', of(frame('subscribed'), 'streams')],
    ['resumeToken', of(frame('goaway'), 'tokens')],
  ]);
}

interface SchemaField {
  name: string;
  type: string;
  absent: string | undefined;
}

/** Fields of every table and struct in the text, by the name with a small first letter. */
function schemaTables(): Map<string, SchemaField[]> {
  const tables = new Map<string, SchemaField[]>();
  for (const [, name = '', body = ''] of text.matchAll(/(?:table|struct)\s+(\w+)\s*\{([^}]*)\}/g)) {
    const fields = body.matchAll(/(\w+):([\w[\]]+)(?:\s*=\s*([\w-]+))?;/g);
    tables.set(
      small(name),
      [...fields].map(([, field = '', type = '', absent]) => ({
        name: camel(field),
        type,
        absent,
      })),
    );
  }
  tables.delete('frame');
  return tables;
}

const enumNamesInText = new Map(
  [...text.matchAll(/enum\s+(\w+)\s*:\s*ubyte\s*\{([^}]*)\}/g)].map(([, name = '', body = '']) => [
    name,
    body.split(',').map((value) => value.trim()),
  ]),
);

const WIRES: Readonly<Record<string, number>> = {
  bool: Wire.BOOL,
  ubyte: Wire.U8,
  ushort: Wire.U16,
  int: Wire.I32,
  uint: Wire.U32,
  long: Wire.I64,
  ulong: Wire.I64,
  string: Wire.TEXT,
};

function expectRow(row: Row, { name, type, absent }: SchemaField, isStruct: boolean): void {
  const element = /^\[(\w+)\]$/.exec(type)?.[1];
  if (element !== undefined) {
    const wire = enumNamesInText.has(element) ? Wire.U8 : WIRES[element];
    if (element === 'ubyte') expect(row.wire).toBe(Wire.BYTES);
    else if (wire === undefined) expect([Wire.STRUCTS, Wire.TABLES]).toContain(row.wire);
    else expect([row.wire, row.element?.wire]).toEqual([Wire.SCALARS, wire]);
    expect(jsonNames(name)?.map(constant)).toEqual(enumNamesInText.get(element));
    return;
  }
  const values = enumNamesInText.get(type);
  if (values === undefined) expect(jsonNames(name)).toBeUndefined();
  if (values !== undefined) {
    expect(row.wire).toBe(Wire.U8);
    expect(row.max).toBe(values.length - 1);
    // JSON writes filters as trees, without operations.
    if (name !== 'op') expect(jsonNames(name)?.map(constant)).toEqual(values);
    expect(row.absent).toBe(absent === undefined ? 0 : values.indexOf(absent));
    return;
  }
  expect(row.wire).toBe(WIRES[type] ?? Wire.TABLE);
  if (isStruct || row.wire === Wire.TEXT || row.wire === Wire.TABLE) return;
  expect(Number(row.absent)).toBe(absent === undefined ? 0 : Number(absent));
}

describe('the tables are the schema', () => {
  const ours = shapes();
  const schema = schemaTables();

  test('the same tables and structs, and the frames in the order of the union', () => {
    expect([...schema.keys()].sort()).toEqual([...ours.keys()].sort());
    const union = /union Body \{([^}]*)\}/.exec(text)?.[1] ?? '';
    const kinds = union.split(',').map((name) => small(name.trim()));
    expect(kinds).toEqual(Object.keys(FrameTag));
    expect(kinds.map((_, i) => i + 1)).toEqual(Object.values(FrameTag));
    expect(frameRows.map(({ kind }) => kind)).toEqual(kinds);
    expect(frameRows.map(({ kind }) => tagOf(kind))).toEqual(Object.values(FrameTag));
  });

  test.each([...schema])('%s: names, order, types and defaults', (name, fields) => {
    const shape = ours.get(name) as Shape;
    const isStruct = shape.bytes > 0;
    const named = fields.filter((field) => field.name !== 'pad');
    expect(shape.names).toEqual(named.map((field) => field.name));
    named.forEach((field, slot) => {
      expectRow(shape.rows[slot] as Row, field, isStruct);
    });
  });

  test('the same enums', () => {
    const exported = enums as unknown as Readonly<Record<string, Readonly<Record<string, number>>>>;
    for (const [name, values] of enumNamesInText) {
      expect(Object.keys(exported[name] ?? {}), name).toEqual(values);
      expect(Object.values(exported[name] ?? {}), name).toEqual(values.map((_, i) => i));
    }
    expect(enumNamesInText.size).toBe(11);
  });
});

describe('flatc compiles the schema to the same slots', () => {
  const version = spawnSync('flatc', ['--version'], { encoding: 'utf8' });
  const isThere = version.status === 0;

  test('slots and struct sizes', ({ skip }) => {
    if (!isThere) skip('flatc is not installed (Debian: flatbuffers-compiler)');
    const folder = mkdtempSync(path.join(tmpdir(), 'flatc-'));
    try {
      execFileSync('flatc', ['--ts', '-o', folder, PLACE]);
      const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => readFileSync(path.join(folder, name), 'utf8'));
      const seen = new Set<string>();
      for (const source of sources) {
        const name = small(/export class (\w+)/.exec(source)?.[1] ?? '');
        const shape = shapes().get(name);
        if (shape === undefined) continue;
        seen.add(name);
        if (shape.bytes > 0) {
          expect(source).toContain(`builder.prep(${shape.align}, ${shape.bytes})`);
          continue;
        }
        expect(source).toContain(`startObject(${shape.names.length})`);
        shape.names.forEach((field, slot) => {
          expect(source).toMatch(new RegExp(`addField\\w+\\(${slot}, \\+?${field}(Offset)?, `));
        });
      }
      expect([...seen].sort()).toEqual([...shapes().keys()].sort());
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

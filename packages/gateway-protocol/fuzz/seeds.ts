import fc from 'fast-check';
import { Projection } from '../src/enums.ts';
import { encodeMessage } from '../src/frame-writer.ts';
import { anyFrame, anyTree, kindsFrom } from '../src/frames.test-arbitrary.ts';
import { encodeJsonFrame, type JsonFrameInput } from '../src/json-writer.ts';
import { PackedRecordsWriter } from '../src/packed-records-writer.ts';

/** Generated frames of each kind: always the same ones. */
const EACH = { numRuns: 3, seed: 1 };
const TREES = { numRuns: 40, seed: 1 };
const BLOCK_RECORDS = 4;
const utf8 = new TextEncoder();

/** Messages of one frame each, of all kinds that a side sends. */
export function frameSeeds(isText: boolean, side: 'client' | 'server'): Uint8Array[] {
  const frames = kindsFrom(side).flatMap((kind) => fc.sample(anyFrame(kind), EACH));
  if (!isText)
    return [...frames.map((frame) => encodeMessage([frame])), encodeMessage(frames.slice(0, 3))];
  const texts = frames
    .filter(({ kind }) => kind !== 'records')
    .map((frame) => encodeJsonFrame(frame as JsonFrameInput));
  if (side === 'server') texts.push(JSON_RECORDS);
  return texts.map((text) => utf8.encode(text));
}

/** JSON Records have no encoder from a frame: they are written from records. */
export const JSON_RECORDS =
  '{"t":"records","stream":7,"from":"100","next":"104","epoch":4,"hwm":"104","flags":["cold"],"records":' +
  '[{"o":"100","ts":"1700000000000","k":"a","v":"x","h":[["h",{"b64":"AQ=="}]]},{"o":"103","ts":"1","k":null,"v":null}]}';

/** Filters as JSON text. Bytes that are no text stand as `{"b64": …}`. */
export function treeSeeds(): Uint8Array[] {
  const text = (tree: unknown) =>
    JSON.stringify(tree, (_, value: unknown) =>
      value instanceof Uint8Array ? { b64: Buffer.from(value).toString('base64') } : value,
    );
  return fc.sample(anyTree, TREES).map((tree) => utf8.encode(text(tree)));
}

/** Blocks of packed records behind their count and their span of offsets, each one byte. */
export function blockSeeds(): Uint8Array[] {
  const writer = new PackedRecordsWriter(5_000, Projection.ALL);
  const headers = [
    { name: 'h', value: Uint8Array.of(1) },
    { name: 'ü', value: null },
  ];
  for (let delta = 0; delta < BLOCK_RECORDS; delta++) {
    const timestamp = delta === 2 ? 1_700_000_000_000 : 5_000 - delta;
    const key = delta === 1 ? null : new Uint8Array(delta);
    const value = delta === 3 ? null : new Uint8Array(3 * delta);
    writer.append(delta * 2, timestamp, key, value, delta === 0 ? headers : [], delta === 2);
  }
  const empty = Uint8Array.of(0, 1);
  return [empty, Uint8Array.of(BLOCK_RECORDS, BLOCK_RECORDS, ...writer.borrow())];
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readMessage } from './frame-reader.ts';
import { encodeMessage } from './frame-writer.ts';
import { anyFrame, kindsFrom } from './frames.test-arbitrary.ts';
import { type Frame, FrameTag } from './frames.ts';
import { readJsonMessage } from './json-reader.ts';
import { encodeJsonFrame, type JsonFrameInput } from './json-writer.ts';
import { clientLimits, serverLimits } from './limits.ts';
import { asStock, stockDecode, stockEncode } from './stock.test-frames.ts';

const limits = { ...serverLimits, rawBytes: 0xffffffff };
const read = (bytes: Uint8Array, side: 'client' | 'server') =>
  side === 'client'
    ? readMessage(bytes, 'toServer', clientLimits)
    : readMessage(bytes, 'toClient', limits);
const readJson = (text: string, side: 'client' | 'server') =>
  side === 'client'
    ? readJsonMessage(text, 'toServer', clientLimits)
    : readJsonMessage(text, 'toClient', limits);

for (const side of ['client', 'server'] as const) {
  for (const kind of kindsFrom(side)) {
    test(`C01: ${kind} from a ${side}: ours, stock FlatBuffers and JSON carry the same`, () => {
      fc.assert(
        fc.property(anyFrame(kind), (frame) => {
          const expected = { ok: true, frames: [frame] };
          const ours = encodeMessage([frame]);
          expect(ours.length % 8).toBe(0);
          expect(read(ours, side)).toEqual(expected);
          expect(stockDecode(ours)).toEqual(asStock(frame));
          expect(read(stockEncode(frame), side)).toEqual(expected);
          if (kind !== 'records')
            expect(readJson(encodeJsonFrame(frame as JsonFrameInput), side)).toEqual(expected);
        }),
        { numRuns: 60 },
      );
    });
  }

  test(`frames of a ${side} joined into one message keep their order`, () => {
    const frames = fc.array(fc.oneof(...kindsFrom(side).map(anyFrame)), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(frames, (list: Frame[]) => {
        expect(read(encodeMessage(list), side)).toEqual({ ok: true, frames: list });
        const texts = list.filter((frame) => frame.kind !== 'records').map(encodeJsonFrame);
        if (texts.length === list.length)
          expect(readJson(texts.join('\n'), side)).toEqual({ ok: true, frames: list });
      }),
      { numRuns: 60 },
    );
  });
}

test('C01: every kind is covered', () => {
  const kinds = new Set([...kindsFrom('client'), ...kindsFrom('server')]);
  expect([...kinds].sort()).toEqual(Object.keys(FrameTag).sort());
  expect(kinds.size).toBe(27);
});

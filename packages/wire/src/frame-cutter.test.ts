import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameCutter } from './frame-cutter.ts';

function framed(bodies: readonly Uint8Array[]): Uint8Array {
  const out: number[] = [];
  for (const body of bodies) {
    const view = new DataView(new ArrayBuffer(4));
    view.setInt32(0, body.length);
    out.push(...new Uint8Array(view.buffer), ...body);
  }
  return Uint8Array.from(out);
}

describe('FrameCutter', () => {
  it('gives the same frames however the stream is sliced', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 20 }),
        (bodies, cuts) => {
          const seen: Uint8Array[] = [];
          const cutter = new FrameCutter(1000, (body) => seen.push(body.slice()));
          const stream = framed(bodies);
          for (let at = 0, turn = 0; at < stream.length; turn++) {
            const size = cuts[turn % cuts.length] as number;
            cutter.push(stream.subarray(at, at + size));
            at += size;
          }
          expect(seen.map((body) => [...body])).toEqual(bodies.map((body) => [...body]));
        },
      ),
    );
  });

  it('refuses a frame above its bound and a negative one', () => {
    const tooLarge = new FrameCutter(10, () => {});
    expect(() => tooLarge.push(Uint8Array.of(0, 0, 0, 11))).toThrow('11 bytes; the bound is 10');
    const negative = new FrameCutter(10, () => {});
    expect(() => negative.push(Uint8Array.of(0xff, 0, 0, 0))).toThrow('frame of -16777216 bytes');
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ResultWindow } from './result-window.ts';

test('the window knows exactly the last results, whatever was written', () => {
  const write = fc.record({
    count: fc.integer({ min: 1, max: 40 }),
    code: fc.constantFrom(0, 131),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e12 }), fc.array(write), (first, writes) => {
      const rows = 64;
      const window = new ResultWindow(rows);
      const model = new Map<number, { code: number; offset: number }>();
      let seq = first;
      for (const { count, code } of writes) {
        const baseOffset = code === 0 ? seq * 3 : -1;
        window.write(seq, { count, code, partition: 2, baseOffset, timestampMs: 9 });
        for (let i = 0; i < count; i++)
          model.set(seq + i, { code, offset: code === 0 ? baseOffset + i : -1 });
        seq += count;
      }
      for (let at = Math.max(first, seq - 100); at < seq; at++) {
        const known = window.read(at, 1);
        if (at < seq - rows) expect(known).toBeNull();
        else {
          const { code, offset } = model.get(at) as { code: number; offset: number };
          const partition = 2;
          expect(known).toEqual([
            { count: 1, code, partition, baseOffset: offset, timestampMs: 9 },
          ]);
        }
      }
      expect(window.read(seq, 1)).toBeNull();
    }),
  );
});

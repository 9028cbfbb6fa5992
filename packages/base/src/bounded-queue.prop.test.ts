import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BoundedQueue } from './bounded-queue.ts';

it('behaves like an array that refuses to grow', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.oneof(fc.integer(), fc.constant(null)), { maxLength: 60 }),
      (capacity, steps) => {
        const queue = new BoundedQueue<number>(capacity);
        const model: number[] = [];
        for (const step of steps) {
          if (step === null) {
            expect(queue.peek()).toBe(model[0]);
            expect(queue.shift()).toBe(model.shift());
          } else {
            const fits = model.length < capacity;
            if (fits) model.push(step);
            expect(queue.push(step)).toBe(fits);
          }
          expect(queue.count).toBe(model.length);
          expect(queue.isFull).toBe(model.length === capacity);
        }
      },
    ),
  );
});

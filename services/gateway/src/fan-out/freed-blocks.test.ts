import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Block, BlockKind } from './block.ts';
import { newEntry } from './entry.ts';
import { EntryList } from './entry-list.ts';
import { Ring } from './ring.ts';
import { RingBudget } from './ring-budget.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const BLOCKS = 40;
const EVICTED = 15;

function fill(ring: Ring, list: EntryList): WeakRef<Block>[] {
  return Array.from({ length: BLOCKS }, (_, from) => {
    const place = { from, next: from + 1, epoch: 0, count: 0, baseTimestamp: 0, highWatermark: 0 };
    const content = { payload: new Uint8Array(128), positions: new Uint32Array() };
    const kind = { isCold: false, arrivedAtMs: 0, kind: BlockKind.records };
    const block = new Block({ ...place, ...content, ...kind }, ring, 0);
    ring.push(block);
    list.push(newEntry(block, null));
    return new WeakRef(block);
  });
}

test('C50: a block that left the ring is kept by neither the ring nor the lists of its classes', async () => {
  const list = new EntryList();
  const ring = new Ring(0, new RingBudget(1 << 30, 1 << 30), (block) => list.dropFirst(block));
  const blocks = fill(ring, list);
  for (let i = 0; i < EVICTED; i++) ring.evictFirst();
  await nextTurn();
  collect();
  const held = blocks.filter((block) => block.deref() !== undefined).length;
  expect({ held, listed: list.length, inRing: ring.length }).toEqual({
    held: BLOCKS - EVICTED,
    listed: BLOCKS - EVICTED,
    inRing: BLOCKS - EVICTED,
  });
});

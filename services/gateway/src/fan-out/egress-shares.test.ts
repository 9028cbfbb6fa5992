import { expect, test } from 'vitest';
import type { CursorOutlet } from './cursor.ts';
import { EgressShares } from './egress-shares.ts';
import { Outlet } from './outlet.ts';
import { OutletQueue } from './outlet-queue.ts';
import { Bench } from './testing/bench.ts';

/** A queue, and connections of principals by the names of both. */
function queueOf() {
  const bench = new Bench();
  const shares = new EgressShares<CursorOutlet>();
  const queue = new OutletQueue('live');
  const names = new Map<CursorOutlet, string>();
  const wait = (principal: string, name: string): CursorOutlet => {
    const outlet = new Outlet(bench.connect(false, principal), shares.join(principal));
    names.set(outlet, name);
    queue.push(outlet);
    return outlet;
  };
  const next = () => {
    const outlet = queue.shift();
    return outlet === undefined ? null : names.get(outlet);
  };
  return { shares, queue, wait, next };
}

test('principals take turns, and connections of one principal among themselves', () => {
  const { queue, wait, next } = queueOf();
  for (const name of ['a1', 'a2', 'a3', 'a4']) wait('a', name);
  wait('b', 'b1');
  wait('c', 'c1');
  wait('c', 'c2');
  const order = Array.from({ length: 8 }, next);
  expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3', 'a4', null]);
  expect(queue.isEmpty).toBe(true);
});

test('who sent more than a turn is worth leaves turns out, and nobody waits when alone', () => {
  const { wait, next } = queueOf();
  const large = wait('a', 'a1');
  expect(next()).toBe('a1');
  large.share.took(3 * 16_384);
  wait('a', 'a2');
  for (const name of ['b1', 'b2', 'b3']) wait('b', name);
  expect(Array.from({ length: 4 }, next)).toEqual(['b1', 'b2', 'a2', 'b3']);
  large.share.took(61_440);
  wait('a', 'a3');
  expect(next()).toBe('a3');
});

test('a share is forgotten with the last connection of its principal', () => {
  const shares = new EgressShares<unknown>();
  const first = shares.join('a');
  const second = shares.join('a');
  expect(second).toBe(first);
  shares.leave(first);
  expect(shares.size).toBe(1);
  shares.leave(second);
  expect(shares.size).toBe(0);
  expect(shares.join('a')).not.toBe(first);
});

test('thirty connections of one principal get as much as the only one of another', async () => {
  const bench = new Bench();
  const value = 'x'.repeat(12_000);
  bench.attach(bench.connect());
  await bench.pass();
  bench.source.append(...Array.from({ length: 20 }, () => ({ value })));
  await bench.pass(1000);
  const many = Array.from({ length: 30 }, () => bench.connect(false, 'many'));
  const one = bench.connect(false, 'one');
  /** Messages that the many had got when the only one got its next. */
  const ofMany: number[] = [];
  const receive = one.receive.bind(one);
  one.receive = (message) => {
    ofMany.push(many.reduce((sum, { messages }) => sum + messages.length, 0));
    receive(message);
  };
  for (const reader of [...many, one]) bench.attach(reader);
  await bench.pass(1000);
  expect(ofMany.length).toBeGreaterThanOrEqual(20);
  expect(ofMany[19]).toBeLessThanOrEqual(2 * 20);
  for (const reader of many) expect(reader.messages.length).toBeGreaterThanOrEqual(20);
  bench.close();
});

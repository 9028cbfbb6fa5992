import { expect, test } from 'vitest';
import type { Connection } from './connection.ts';
import { ConnectionTable } from './connection-table.ts';

type Fake = Connection & { state: string };

function fake(id: number, state: string): Fake {
  const isOpen = state !== 'CLOSED';
  return { socket: { id }, state, isOpen } as unknown as Fake;
}

function seen(table: ConnectionTable, sweeps: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (let sweep = 1; sweep <= sweeps; sweep++)
    for (const connection of table.due(sweep)) {
      const { id } = connection.socket;
      counts.set(id, (counts.get(id) ?? 0) + 1);
      table.settle(connection);
    }
  return counts;
}

test('whoever stays is looked at once in as many sweeps as there are parts, the others each time', () => {
  const table = new ConnectionTable(10);
  const staying = Array.from({ length: 25 }, (_, id) => fake(id, 'READY'));
  const coming = fake(30, 'HELLO_WAIT');
  for (const connection of [...staying, coming]) table.add(connection);
  seen(table, 1);
  const counts = seen(table, 10);
  expect(staying.map(({ socket }) => counts.get(socket.id))).toEqual(staying.map(() => 1));
  expect(counts.get(30)).toBe(10);
  const leaving = staying[4] as Fake;
  leaving.state = 'DRAINING';
  seen(table, 10);
  expect(seen(table, 10).get(4)).toBe(10);
  table.remove(leaving);
  expect(seen(table, 10).has(4)).toBe(false);
  expect(table.size).toBe(25);
  expect(table.all()).toHaveLength(25);
  expect(table.get(coming.socket)).toBe(coming);
});

import { seededPrng } from '@millrace/base';
import { expect, test } from 'vitest';
import type { GatewayClient } from './client.ts';
import { FakeGateway } from './fake-gateway.test-server.ts';
import type { FakeSocket } from './fake-socket.test-server.ts';

const url = ['wss://a/v1/ws', 'wss://b/v1/ws'];
const CLIENTS = 60;

/** Lets clients in one by one, in the order in which they came. Those that have gone take as long: it finds out only then. */
class BusyDoor {
  readonly gateway: FakeGateway;
  readonly clients: GatewayClient[];
  readonly #queue: FakeSocket[] = [];

  constructor(eachMs: number, seed: number) {
    this.gateway = new FakeGateway(seededPrng(seed));
    this.gateway.admit = (socket) => void this.#queue.push(socket);
    const { clock, peers } = this.gateway;
    clock.setInterval(eachMs, () => this.#queue.shift()?.accept());
    clock.setInterval(20_000, () => {
      for (const peer of peers.values()) this.gateway.send(peer, { kind: 'ping' });
    });
    const reconnect = { baseMs: 20, capMs: 400 };
    this.clients = Array.from({ length: CLIENTS }, () => this.gateway.client({ url, reconnect }));
    for (const client of this.clients) client.subscribe('t');
  }

  get ready(): number {
    return this.clients.filter(({ state }) => state === 'ready').length;
  }
}

test.each([1, 2, 3])(
  'clients that a gateway without CPU answers later than they first wait come in all the same (seed %i)',
  async (seed) => {
    // All together it needs three times as long as anybody waits at first.
    const door = new BusyDoor((3 * 10_000) / CLIENTS, seed);
    door.gateway.topic('t');
    for (let s = 0; s < 240 && door.ready < CLIENTS; s++) await door.gateway.run(1_000);
    expect(door.ready).toBe(CLIENTS);
    expect(door.gateway.sockets.length).toBeLessThan(8 * CLIENTS);
  },
);

test('an attempt that moves on is not given up: the socket opens, and Welcome has as long again', async () => {
  const gateway = new FakeGateway();
  gateway.topic('t');
  gateway.admit = (socket) => void gateway.clock.setTimer(9_000, () => socket.accept());
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'hello') return false;
    gateway.intercept = () => false;
    gateway.clock.setTimer(9_000, () => gateway.frame(peer.socket, frame));
    return true;
  };
  const client = gateway.client();
  client.subscribe('t');
  await gateway.run(18_100);
  expect(client.state).toBe('ready');
  expect(gateway.sockets).toHaveLength(1);
});

test.each([
  ['waits for a gateway that is silent grow, and shrink again when one answers quickly', 0],
  ['so they do where timers fire early', 1],
])('%s', async (_, earlyMs) => {
  const gateway = new FakeGateway();
  gateway.earlyMs = earlyMs;
  gateway.topic('t');
  gateway.admit = () => undefined;
  const client = gateway.client({ reconnect: { baseMs: 1, capMs: 1 } });
  client.subscribe('t');
  const begun: number[] = [];
  for (let s = 0; s < 400; s++) {
    await gateway.run(1_000);
    if (begun.length < gateway.sockets.length) begun.push(s);
  }
  const waits = begun.slice(1).map((at, i) => Math.round((at - (begun[i] as number)) / 10) * 10);
  expect(waits).toEqual([10, 20, 40, 80, 80, 80, 80]);
  gateway.admit = (socket) => socket.accept();
  await gateway.run(90_000);
  expect(client.state).toBe('ready');
  gateway.admit = () => undefined;
  gateway.dropAll();
  const before = gateway.sockets.length;
  await gateway.run(10_500);
  expect(gateway.sockets.length).toBe(before + 2);
});

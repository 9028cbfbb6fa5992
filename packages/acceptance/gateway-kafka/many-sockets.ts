// C21, C46: a gateway of its own with thousands of sockets.
import assert from 'node:assert/strict';
import { eventually } from '@millrace/testing';
import { SystemCalls } from '../faults/system-calls.ts';
import { GENEROUS_LIMITS } from '../gateway-hostile/limits.ts';
import { handshakeRatio } from '../gateway-sockets/half-open.ts';
import { RawClient } from '../gateway-sockets/raw-client.ts';
import { newTopic, type Stage, withGateway } from './stage.ts';

const CLIENTS = 9000;
const OPENED_AT_ONCE = 200;
const CREDIT = 1 << 20;
const ROUNDS = 8;
const RECORDS = 8;
/** Anything else that is said to a client meanwhile. */
const OTHER_WRITES = 0.02;
const HALF_OPEN = 5000;
/** Upgraded and silent, below the cap of connections before Hello. */
const IDLE = 400;
const TRIES = 6;
const WAIT_MS = 120_000;

/** Clients that have read a topic to its end. */
async function liveClients(port: number, topic: string): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  const open = async () => {
    const client = await RawClient.welcomed(port, CREDIT);
    clients.push(client);
    client.send({ kind: 'subscribe', req: 1, sub: 1, topic, credit: CREDIT });
    await client.take('caughtUp');
  };
  while (clients.length < CLIENTS) await Promise.all(Array.from({ length: OPENED_AT_ONCE }, open));
  return clients;
}

/** How many times a socket of a client was written to. uWebSockets.js sends; Node's own sockets are written. */
async function writesTo(pid: number, work: () => Promise<void>): Promise<number> {
  const traced = await SystemCalls.attach(pid, 'sendto,sendmsg', []);
  try {
    await work();
    return traced.calls.filter(({ text }) => !text.includes('resumed')).length;
  } finally {
    await traced.detach();
  }
}

/** A Ping may have come after it. */
function hasRead({ frames }: RawClient, end: bigint): boolean {
  const last = frames.findLast(({ kind }) => kind === 'records');
  return last?.kind === 'records' && last.nextOffset >= end;
}

async function oneWriteATick(stage: Stage): Promise<void> {
  const settings = [...GENEROUS_LIMITS, 'gateway.ping.interval.ms=600000'];
  await withGateway(stage, settings, async ({ port, pid }) => {
    const topic = await newTopic(stage, 'writes');
    await stage.producer.send({ topic, partition: 0, value: 'before' });
    const clients = await liveClients(port, topic);
    try {
      const seen: number[] = [];
      while (seen.length < ROUNDS && !(Math.min(...seen) <= CLIENTS * (1 + OTHER_WRITES))) {
        const round = seen.length;
        const writes = await writesTo(pid, async () => {
          const records = Array.from({ length: RECORDS }, (_, i) => ({ value: `${round} ${i}` }));
          const sent = await Promise.all(
            records.map((record) => stage.producer.send({ topic, partition: 0, ...record })),
          );
          const end = BigInt(sent.at(-1)?.offset ?? 0) + 1n;
          await eventually('all have it', WAIT_MS, () =>
            clients.every((client) => hasRead(client, end)),
          );
        });
        assert.ok(writes >= CLIENTS, `${writes} writes to ${CLIENTS}: not all were seen`);
        seen.push(writes);
      }
      // Records of a round may come in two ticks; not of every round.
      assert.ok(Math.min(...seen) <= CLIENTS * (1 + OTHER_WRITES), `${seen} writes to ${CLIENTS}`);
    } finally {
      for (const client of clients) client.destroy();
    }
  });
}

async function halfOpen(stage: Stage): Promise<void> {
  const settings = GENEROUS_LIMITS.filter((each) => !each.includes('unauthenticated'));
  await withGateway(stage, settings, async ({ port }) => {
    const ratios: number[] = [];
    while (ratios.length < TRIES && !(Math.min(...ratios) <= 2))
      ratios.push(await handshakeRatio(port, HALF_OPEN, IDLE));
    assert.ok(Math.min(...ratios) <= 2, `p99 of good handshakes: ${ratios.join(', ')} times`);
  });
}

export const manySocketsChecks = {
  [`C21: one write for ${CLIENTS} clients each, ${RECORDS} records a tick, counted by strace`]:
    oneWriteATick,
  [`C46: good handshakes beside ${HALF_OPEN} that never finish`]: halfOpen,
};

// What a gateway does about sockets that are silent, slow or never finished, and what others notice of them.
import { eventually } from '@millrace/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { GENEROUS_LIMITS } from '../gateway-hostile/limits.ts';
import { Opcode, webSocketFrame } from '../gateway-hostile/raw-web-socket.ts';
import { Backlog } from '../gateway-sockets/backlog.ts';
import { handshakeRatio } from '../gateway-sockets/half-open.ts';
import { RawClient } from '../gateway-sockets/raw-client.ts';
import { slowTakerLives } from '../gateway-sockets/slow-taker.ts';

const NO_PONG = 4004;
/** Ping interval and grace together: who is not heard of for so long is dead. */
const SPAN_MS = 10_000;
const UNAUTHENTICATED_MAX = 40;
const HALF_OPEN = 300;
const TRIES = 6;
const WAIT_MS = 60_000;

let backlog: Backlog;

beforeAll(async () => {
  backlog = await Backlog.open([
    ...GENEROUS_LIMITS.filter((each) => !each.includes('unauthenticated')),
    `gateway.connections.unauthenticated.max=${UNAUTHENTICATED_MAX}`,
    'gateway.hello.timeout.ms=60000',
    'gateway.ping.interval.ms=2000',
    'gateway.pong.grace.ms=8000',
  ]);
});

afterEach(() => backlog.dismiss());

afterAll(() => backlog?.close());

/** The close code that a client was told, and after how long. It takes all that comes and says what `speak` does. */
async function endOf(client: RawClient, speak: () => void) {
  const startedAt = performance.now();
  await eventually('it is closed', WAIT_MS, () => {
    if (!client.raw.isClosed) speak();
    return client.raw.isClosed;
  });
  return { code: client.closeCode, afterMs: performance.now() - startedAt };
}

test('C44, C46: who says nothing is 4004, not before its time; a message that drips in by bytes is nothing', async () => {
  const [silent, dripper] = await Promise.all([backlog.welcomed(), backlog.welcomed()]);
  dripper.raw.send(webSocketFrame(Opcode.BINARY, Buffer.alloc(1), { length: 60_000n }));
  let dripped = 0;
  const ends = await Promise.all([
    endOf(silent, () => {}),
    endOf(dripper, () => {
      dripper.raw.send(Buffer.alloc(1));
      dripped++;
    }),
  ]);
  expect(ends.map(({ code }) => code)).toEqual([NO_PONG, NO_PONG]);
  for (const { afterMs } of ends) expect(afterMs).toBeGreaterThan(SPAN_MS / 2);
  expect(dripped).toBeGreaterThan(5);
});

test('C44: a client busy taking 64 KiB a second lives without a Pong', async () => {
  expect(await slowTakerLives(backlog, 1000, 2 * SPAN_MS)).toBe(true);
});

test('C46: connections that never finish stop at their cap, and good handshakes go on as fast', async () => {
  const ratios: number[] = [];
  while (ratios.length < TRIES && !(Math.min(...ratios) <= 2))
    ratios.push(await handshakeRatio(backlog.gateway.port, HALF_OPEN, UNAUTHENTICATED_MAX / 2));
  expect(Math.min(...ratios)).toBeLessThanOrEqual(2);

  let most = 0;
  await eventually('there is room for as many as may be', WAIT_MS, async () => {
    const opening = Array.from({ length: 2 * UNAUTHENTICATED_MAX }, () =>
      RawClient.open(backlog.gateway.port),
    );
    const tried = await Promise.allSettled(opening);
    const taken = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    most = Math.max(most, taken.length);
    for (const client of taken) client.destroy();
    return taken.length >= UNAUTHENTICATED_MAX;
  });
  expect(most).toBe(UNAUTHENTICATED_MAX);
  await eventually('a good one is welcome again', WAIT_MS, async () => {
    await backlog.welcomed();
    return true;
  });
});

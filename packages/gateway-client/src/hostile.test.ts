import { deflateRawSync } from 'node:zlib';
import {
  Codec,
  encodeMessage,
  type FrameInput,
  recordsFrame,
  serverLimits,
} from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { FakeGateway, type Peer } from './fake-gateway.test-server.ts';
import { FakeLog } from './fake-log.test-server.ts';

/** A client that stands at offset 10 of partition 0, stream 1, and has read what is below. */
async function reading(records = 10): Promise<{
  gateway: FakeGateway;
  peer: Peer;
  ended: Promise<unknown>;
  state: () => string;
}> {
  const gateway = new FakeGateway();
  const { logs } = gateway.topic('t');
  for (let i = 0; i < records; i++) logs[0]?.append(`${i}`);
  const client = gateway.client();
  const subscription = client.subscribe('t', { start: 'earliest' });
  const ended = (async () => {
    for await (const _ of subscription.records());
  })().catch((error: unknown) => error);
  await gateway.run(50);
  const peer = gateway.peers.values().next().value as Peer;
  return { gateway, peer, ended, state: () => client.state };
}

const block = new FakeLog();
for (let i = 0; i < 20; i++) block.append('some text that repeats, text that repeats');
const packed = block.block(0, 20)?.packed ?? new Uint8Array(0);

const header = {
  stream: 1,
  count: 20,
  fromOffset: 10,
  nextOffset: 30,
  highWatermark: 30,
  baseTimestamp: 1,
  leaderEpoch: 0,
  flags: 0,
  part: 0,
  parts: 1,
  codec: Codec.NONE as number,
  rawSize: packed.length,
};

async function expectViolation(data: Uint8Array<ArrayBuffer>, why: RegExp): Promise<void> {
  const { gateway, peer, ended, state } = await reading();
  peer.socket.deliverRaw(data);
  await gateway.run(50);
  expect(await ended).toMatchObject({ name: 'ProtocolViolation', code: 4501 });
  expect(((await ended) as Error).message).toMatch(why);
  expect(peer.socket.closeCode).toBe(4501);
  expect(state()).toBe('closed');
  expect(gateway.sockets).toHaveLength(1);
}

const records = (facts: Partial<typeof header>, payload = packed) =>
  recordsFrame({ ...header, ...facts }, payload);
const frames = (...all: FrameInput[]) => encodeMessage(all).slice();

test.each<[string, Uint8Array<ArrayBuffer>, RegExp]>([
  ['records that skip', records({ fromOffset: 11 }), /goes on at 11 and was at 10/],
  ['records that come again', records({ fromOffset: 9 }), /goes on at 9/],
  ['records that go back', records({ nextOffset: 10 }), /empty block/],
  ['no records', records({ count: 1 }), /broken block/],
  ['more than said', records({ count: 30 }), /broken block/],
  ['a block cut short', records({}, packed.subarray(0, 100)), /broken block/],
  ['a stream of nobody', records({ stream: 9 }), /unknown stream 9/],
  ['a part in the middle', records({ part: 1, parts: 2 }), /part 1 of a block/],
  ['a part beyond the last', records({ part: 2, parts: 2 }), /empty block/],
  ['more than one block may have', records({ rawSize: 1 << 30 }), /rawSize/],
  ['LZ4 that is none', records({ codec: Codec.LZ4 }), /not LZ4/],
  ['a codec that was not offered', records({ codec: Codec.ZSTD }), /not offered/],
  ['a gap that skips', frames({ kind: 'gap', stream: 1, fromOffset: 11n, toOffset: 12n }), /11/],
  ['a gap backwards', frames({ kind: 'gap', stream: 1, fromOffset: 10n, toOffset: 2n }), /10 to 2/],
  [
    'progress backwards',
    frames({ kind: 'progress', streams: [{ stream: 1, offset: 3n, epoch: 0 }] }),
    /10 to 3/,
  ],
  [
    'unsafe offsets',
    frames({ kind: 'gap', stream: 1, fromOffset: 10n, toOffset: 2n ** 60n }),
    /safe integers/,
  ],
  ['a second Welcome', frames({ kind: 'welcome' }), /second Welcome/],
  ['an answer to nothing', frames({ kind: 'authOk', req: 77 }), /answer to nothing/],
  ['a result for nothing', frames({ kind: 'pubResult', seq: 5n }), /for nothing/],
  ['Subscribed of nobody', frames({ kind: 'subscribed', req: 1, sub: 99 }), /of nobody/],
  ['a client frame', frames({ kind: 'subscribe', req: 1, sub: 1 }), /V6/],
  ['noise', new Uint8Array(64).fill(0xee), /V1/],
])('C52: %s: closed with 4501 and reported', async (_, data, why) => {
  await expectViolation(data, why);
});

test('C25: a block that inflates to more or less than it says', async () => {
  const deflated = new Uint8Array(deflateRawSync(packed));
  for (const rawSize of [packed.length - 1, packed.length + 1])
    await expectViolation(records({ codec: Codec.DEFLATE_RAW, rawSize }, deflated), /inflates to/);
  await expectViolation(records({ codec: Codec.DEFLATE_RAW }), /does not inflate/);
});

/** The largest array that is made by its length while the work is done. Bytes. */
async function largestArray(work: () => Promise<void>): Promise<number> {
  const { Uint8Array: real } = globalThis;
  let largest = 0;
  const watched: ProxyHandler<typeof real> = {
    construct(target, args, newTarget) {
      if (typeof args[0] === 'number') largest = Math.max(largest, args[0]);
      return Reflect.construct(target, args, newTarget);
    },
  };
  globalThis.Uint8Array = new Proxy(real, watched);
  try {
    await work();
  } finally {
    globalThis.Uint8Array = real;
  }
  return largest;
}

test.each([
  ['NONE', Codec.NONE],
  ['LZ4', Codec.LZ4],
  ['DEFLATE_RAW', Codec.DEFLATE_RAW],
])('C25: %s, a size beyond the limit ends it before room is made', async (_, codec) => {
  const lie = records({ codec, rawSize: serverLimits.rawBytes + 1 });
  const largest = await largestArray(() => expectViolation(lie, /rawSize/));
  expect(largest).toBeLessThan(serverLimits.rawBytes / 8);
});

test('C25: what may be is made room for, and no more', async () => {
  const rawSize = serverLimits.rawBytes;
  const deflated = new Uint8Array(deflateRawSync(packed));
  const lie = records({ codec: Codec.DEFLATE_RAW, rawSize }, deflated);
  expect(await largestArray(() => expectViolation(lie, /inflates to/))).toBe(rawSize);
});

test('parts that are longer than their block, before they are joined', async () => {
  const { gateway, peer, ended } = await reading();
  for (let part = 0; part < 3; part++)
    peer.socket.deliverRaw(records({ part, parts: 60_000, codec: Codec.LZ4 }));
  await gateway.run(50);
  expect(await ended).toMatchObject({ message: 'parts that are longer than their block' });
});

test('a leader epoch that falls', async () => {
  const { gateway, peer, ended } = await reading();
  peer.socket.deliverRaw(records({ leaderEpoch: 5 }));
  peer.socket.deliverRaw(records({ leaderEpoch: 4, fromOffset: 30, nextOffset: 50 }));
  await gateway.run(50);
  expect(await ended).toMatchObject({ message: 'leader epoch 4 after 5' });
});

test('a start that moves a known position', async () => {
  const { gateway, ended } = await reading();
  gateway.intercept = (peer, frame) => {
    if (frame.kind !== 'subscribe') return false;
    const stream = {
      stream: 5,
      partition: 0,
      outcome: 0,
      code: 0,
      leaderEpoch: 0,
      startOffset: 12n,
      logStart: 0n,
      highWatermark: 12n,
      lostFrom: -1n,
      lostTo: -1n,
    };
    const { req, sub } = frame;
    gateway.send(peer, { kind: 'subscribed', req, sub, streams: [stream] });
    return true;
  };
  gateway.dropAll();
  await gateway.run(1_000);
  expect(await ended).toMatchObject({ message: 'partition 0 goes on at 12 and was at 10' });
});

test('more than the window, however long nobody reads', async () => {
  const { gateway, peer, state } = await reading();
  const client = gateway.client();
  const iterator = client
    .subscribe('t', { start: 'earliest', windowBytes: 1 })
    [Symbol.asyncIterator]();
  await gateway.run(50);
  const [, other] = gateway.peers.values();
  let from = 10;
  for (let i = 0; i < 6; i++, from += 20)
    other?.socket.deliverRaw(
      records({ stream: 2, fromOffset: from, nextOffset: from + 20, rawSize: 1 << 20 }),
    );
  await gateway.run(50);
  expect(client.state).toBe('closed');
  const drained = (async () => {
    while ((await iterator.next()).done !== true);
  })();
  await expect(drained).rejects.toThrow('more than its credit');
  expect([state(), peer.socket.closeCode]).toEqual(['ready', 0]);
});

test('frames before Welcome', async () => {
  const gateway = new FakeGateway();
  gateway.intercept = (peer, frame) => {
    if (frame.kind === 'hello') gateway.send(peer, { kind: 'authOk', req: 1 });
    return true;
  };
  const client = gateway.client();
  client.subscribe('t');
  await gateway.run(50);
  expect(client.state).toBe('closed');
  expect(gateway.socket.closeCode).toBe(4501);
});

test('text on a binary connection', async () => {
  const { gateway, peer, ended } = await reading();
  peer.socket.deliverRaw('{"t":"caughtUp"}');
  await gateway.run(50);
  expect(await ended).toMatchObject({ message: 'a message of the wrong kind' });
});

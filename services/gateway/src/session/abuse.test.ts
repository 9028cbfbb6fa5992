import { CloseCode, ErrorCode, encodeFrame } from '@millrace/gateway-protocol';
import { describe, expect, test } from 'vitest';
import { SessionRig } from './testing/session-rig.ts';

/** Its length allows for eight bytes more, the last of which is not zero. */
function paddedWithOne(frame: Buffer): Buffer {
  const padding = Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]);
  return withLength(Buffer.concat([frame, padding]), frame.length + 4);
}

/** The frame, saying that so many bytes follow its length. */
function withLength(frame: Buffer, bytes: number): Buffer {
  frame.writeUInt32LE(bytes, 0);
  return frame;
}

describe('C44: the heartbeat', () => {
  test('closes a silent client after 33 s', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    await rig.advance(32_500);
    expect(client.closeCode).toBeNull();
    expect(client.kinds()).toContain('ping');
    await rig.advance(1600);
    expect(client.closeCode).toBe(CloseCode.NO_PONG);
  });

  test('a late Pong is in time, and any message counts', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    await rig.advance(32_000);
    client.send({ kind: 'pong', nonce: 1 });
    await rig.advance(32_000);
    client.send({ kind: 'pause', sub: 9 });
    await rig.advance(32_000);
    expect(client.closeCode).toBeNull();
  });

  test('a client that takes bytes slowly lives without answering', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    client.raw.stopReading(0);
    for (let i = 0; i < 20; i++) {
      client.send({ kind: 'ping', nonce: i });
      await rig.advance(1000);
    }
    for (let second = 0; second < 60; second++) {
      client.raw.read(20);
      await rig.advance(1000);
    }
    expect(client.closeCode).toBeNull();
  });

  test('a client that has just taken the last of what waited has its time to find the Ping', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    client.raw.stopReading(0);
    for (let i = 0; i < 20; i++) client.send({ kind: 'ping', nonce: i });
    for (let second = 0; second < 32; second++) {
      client.raw.read(20);
      await rig.advance(1000);
    }
    client.raw.read(1_000_000);
    await rig.advance(30_000);
    expect(client.closeCode).toBeNull();
    await rig.advance(5000);
    expect(client.closeCode).toBe(CloseCode.NO_PONG);
  });

  test('C22: a socket that takes nothing for 30 s is 4008', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    client.raw.stopReading(0);
    client.send({ kind: 'ping', nonce: 1 });
    for (let second = 0; second < 29; second++) {
      await rig.advance(1000);
      client.send({ kind: 'pong', nonce: 1 });
    }
    expect(client.closeCode).toBeNull();
    await rig.advance(3000);
    expect(client.closeCode).toBe(CloseCode.SOCKET_STALLED);
  });
});

describe('C45: floods', () => {
  test('codes that clients make up at the end are one series', async () => {
    const rig = new SessionRig();
    const codes = Array.from({ length: 30 }, (_, at) => 4400 + at);
    for (const code of [...codes, CloseCode.BAD_FRAME, 1000]) rig.open().raw.close(code);
    const closed = (code: number | string) => rig.metrics.connectionsClosed.with(String(code));
    expect(closed('other').value).toBe(31);
    expect([...codes, CloseCode.BAD_FRAME].map((code) => closed(code).value)).not.toContain(1);
    expect(closed(1000).value).toBe(1);
    rig.open().raw.send(new Uint8Array(3));
    expect(closed(CloseCode.BAD_FRAME).value).toBe(1);
  });

  test('10,000 Pings without reading are 4507, with a bounded lane', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    client.raw.stopReading(0);
    for (let i = 0; i < 10_000 && client.closeCode === null; i++)
      client.send({ kind: 'ping', nonce: i });
    expect(client.closeCode).toBe(CloseCode.ABUSE);
  });

  test('answers that nobody reads fill the lane up to its bound, then 4507', async () => {
    const rig = new SessionRig(['gateway.requests.per.second=100000']);
    const client = await rig.welcomed();
    client.raw.stopReading(0);
    let most = 0;
    for (let i = 1; i < 10_000 && client.closeCode === null; i++) {
      client.send({ kind: 'commit', req: i, sub: 7, name: 'x' });
      await Promise.resolve();
      most = Math.max(most, i);
    }
    await rig.settle();
    expect(client.closeCode).toBe(CloseCode.ABUSE);
    // 64 KiB of socket and 32 KiB of lane, in answers of some 60 bytes.
    expect(most).toBeLessThan(3000);
  });

  test('requests beyond their rate are refused, then 4507', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    for (let i = 1; i <= 101; i++) client.send({ kind: 'unsubscribe', req: i, sub: 1 });
    const errors = client.frames().filter((frame) => frame.kind === 'error');
    expect(errors.at(-1)).toMatchObject({ code: ErrorCode.OVERLOADED, id: 101, retryable: true });
    for (let i = 102; i <= 130; i++) client.send({ kind: 'unsubscribe', req: i, sub: 1 });
    expect(client.closeCode).toBe(CloseCode.ABUSE);
  });
});

test('what is there is unsubscribed however many requests came before', async () => {
  const rig = new SessionRig(['gateway.requests.per.second=8']);
  const client = await rig.welcomed();
  const subs = Array.from({ length: 64 }, (_, i) => i + 1);
  for (const sub of subs) {
    rig.upstream.create(`t${sub}`, 1, sub);
    client.send({ kind: 'subscribe', req: sub, sub, topic: `t${sub}` });
    await rig.advance(200);
  }
  expect(client.frames().filter(({ kind }) => kind === 'subscribed')).toHaveLength(64);
  for (const sub of subs) client.send({ kind: 'unsubscribe', req: 100 + sub, sub });
  await rig.settle();
  expect(client.frames().filter(({ kind }) => kind === 'unsubscribed')).toHaveLength(64);
  expect(client.frames().filter(({ kind }) => kind === 'error')).toEqual([]);
});

describe('C05, C07: messages', () => {
  test('64 frames are one message, 65 are 4501', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    const pause = encodeFrame({ kind: 'pause', sub: 1 });
    client.raw.send(Buffer.concat(Array.from({ length: 64 }, () => pause)));
    expect(client.closeCode).toBeNull();
    client.raw.send(Buffer.concat(Array.from({ length: 65 }, () => pause)));
    expect(client.closeCode).toBe(CloseCode.BAD_FRAME);
    expect(client.take('error').code).toBe(ErrorCode.BAD_REQUEST);
  });

  test.each<[string, (frame: Buffer) => Buffer]>([
    ['a length too long', (frame) => withLength(frame, frame.length + 4)],
    ['a length too short', (frame) => withLength(frame, frame.length - 12)],
    ['a frame cut short', (frame) => frame.subarray(0, frame.length - 8)],
    ['bytes behind the last frame', (frame) => Buffer.concat([frame, Buffer.alloc(8)])],
    ['padding that is not zero', paddedWithOne],
  ])('C05: %s is 4501', async (_, damage) => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    client.raw.send(damage(Buffer.from(encodeFrame({ kind: 'pause', sub: 1 }))));
    expect(client.closeCode).toBe(CloseCode.BAD_FRAME);
    expect(client.take('error').code).toBe(ErrorCode.BAD_REQUEST);
  });

  test('a frame kind of the server is 4501', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    client.raw.send(encodeFrame({ kind: 'authOk', req: 1 }));
    expect(client.closeCode).toBe(CloseCode.BAD_FRAME);
  });

  test('a frame that means nothing is 107 and keeps the connection; twenty of them are 4507', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed({ isText: true });
    const bad = (id: number) =>
      client.raw.send(Buffer.from(`{"t":"subscribe","req":${id},"sub":${id},"lane":9}`), true);
    for (let id = 1; id < 20; id++) bad(id);
    expect(client.take('error')).toMatchObject({ code: ErrorCode.BAD_REQUEST, id: 1 });
    expect(client.closeCode).toBeNull();
    bad(20);
    expect(client.closeCode).toBe(CloseCode.ABUSE);
  });

  test('a publish of a sequence number that cannot be is answered, and no fault of the gateway', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    const publish = encodeFrame({ kind: 'publish', seq: 0x0102030405060708n, topic: 't' });
    const at = publish.findIndex((byte, i) => byte === 8 && publish[i + 7] === 1);
    client.raw.send(publish.fill(0xff, at, at + 8));
    expect(client.take('pubResult')).toMatchObject({ seq: 0n, code: ErrorCode.BAD_REQUEST });
    expect(client.closeCode).toBeNull();
  });

  test('a batch that is refused is answered for all its records', async () => {
    const rig = new SessionRig();
    const client = await rig.welcomed();
    const batch = encodeFrame({
      kind: 'publishBatch',
      firstSeq: 7n,
      topic: 't',
      partition: 0x01020304,
      count: 300,
      payload: new Uint8Array(300),
    });
    const at = batch.findIndex((byte, i) => byte === 4 && batch[i + 3] === 1);
    client.raw.send(batch.fill(0x80, at, at + 4));
    expect(client.take('pubResult')).toMatchObject({ seq: 7n, count: 300, code: 107 });
    const text = await rig.welcomed({ isText: true });
    const say = (count: string): void =>
      text.raw.send(
        Buffer.from(`{"t":"publishBatch","firstSeq":7,"topic":"","count":${count},"payload":"AA"}`),
        true,
      );
    for (const [said, answered] of [
      ['300', 300],
      ['1001', 1],
      ['0', 1],
      ['1.5', 1],
      ['"x"', 1],
    ] as const) {
      say(said);
      expect(text.take('pubResult')).toMatchObject({ seq: 7n, count: answered, code: 107 });
    }
  });

  test('one bad connection touches no other', async () => {
    const rig = new SessionRig();
    const [bad, good] = [await rig.welcomed(), await rig.welcomed()];
    bad.raw.send(new Uint8Array(32).fill(0xff));
    expect(bad.closeCode).toBe(CloseCode.BAD_FRAME);
    good.send({ kind: 'ping', nonce: 5 });
    expect(good.take('pong').nonce).toBe(5);
  });
});

test('C49: a handler that throws costs its connection and no other', async () => {
  const rig = new SessionRig();
  const [bad, good] = [await rig.welcomed(), await rig.welcomed()];
  rig.fanOut.wake = () => {
    throw new Error('a bug');
  };
  bad.send({ kind: 'resume', sub: 1 });
  expect(bad.closeCode).toBe(CloseCode.INTERNAL);
  expect(bad.take('error')).toMatchObject({ code: ErrorCode.INTERNAL });
  good.send({ kind: 'ping', nonce: 5 });
  expect(good.take('pong').nonce).toBe(5);
});

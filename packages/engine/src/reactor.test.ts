import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BODIES, LOG_OPTIONS, logRequest, produced, type World } from './contract/bodies.ts';
import type { Engine } from './engine.ts';
import { EngineErrorCode } from './engine-error.ts';
import { CloseReason, EVENT_STRIDE, EventKind, SEND_STRIDE, SendKind } from './reactor.ts';
import { PLAN_STRIDE } from './segment-store.ts';

function frame(body: string | Uint8Array): Buffer {
  const bytes = Buffer.from(body);
  const prefix = Buffer.alloc(4);
  prefix.writeInt32BE(bytes.length);
  return Buffer.concat([prefix, bytes]);
}

async function received(socket: Socket, lengthBytes: number): Promise<Buffer> {
  let all = Buffer.alloc(0);
  while (all.length < lengthBytes) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    all = Buffer.concat([all, chunk]);
  }
  return all;
}

/** The owner of a reactor: keeps what came, answers by `decide`. */
class Owner {
  readonly engine: Engine;
  readonly events: number[][] = [];
  decide: (id: number, body: Uint8Array, bufferId: number, offset: number) => void = () => {};
  #rows = 0;
  #used = 0;

  constructor(engine: Engine) {
    this.engine = engine;
    engine.reactor.run((count) => {
      for (let row = 0; row < count; row++) {
        const at = row * EVENT_STRIDE;
        const event = [...engine.reactor.events.subarray(at, at + 5)];
        this.events.push(event);
        const [kind, id = 0, bufferId = 0, offset = 0, length = 0] = event;
        if (kind !== EventKind.frame) continue;
        const body = engine.reactor.buffer(bufferId).subarray(offset, offset + length);
        this.decide(id, body, bufferId, offset);
      }
      this.flush();
    });
  }

  bytes(id: number, bytes: Uint8Array): void {
    this.engine.reactor.out.set(bytes, this.#used);
    this.row(id, SendKind.bytes, this.#used, bytes.length);
    this.#used += bytes.length;
  }

  row(...columns: number[]): void {
    this.engine.reactor.sends.set(columns, this.#rows++ * SEND_STRIDE);
  }

  flush(): void {
    this.engine.reactor.flush(this.#rows);
    this.#rows = 0;
    this.#used = 0;
  }

  of(kind: number): number[][] {
    return this.events.filter((event) => event[0] === kind);
  }
}

describe.each(BODIES)('reactor, $name body', (body) => {
  let world: World;
  let engine: Engine;
  let owner: Owner;
  let port: number;
  const sockets: Socket[] = [];

  beforeEach(() => {
    world = body.world();
    engine = world.open();
    owner = new Owner(engine);
    port = engine.reactor.listen('127.0.0.1', 0, 128).port;
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await engine.close();
    world.remove();
  });

  function client(): Socket {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
    return socket;
  }

  test('frames arrive, replies leave', async () => {
    owner.decide = (id, bytes) => owner.bytes(id, frame(bytes));
    const socket = client();
    const sent = Buffer.concat([frame('first one'), frame('the second'), frame('and third')]);
    socket.write(sent.subarray(0, 20));
    setTimeout(() => socket.write(sent.subarray(20)), 20);
    expect(await received(socket, sent.length)).toEqual(sent);
    const opened = owner.of(EventKind.opened);
    expect(opened).toHaveLength(1);
    const id = opened[0]?.[1] as number;
    expect(engine.reactor.connectionInfo(id).remotePort).toBe(socket.localPort);
    expect(engine.reactor.stats()).toMatchObject({ connectionCount: 1 });
  });

  test('a large frame arrives whole', async () => {
    owner.decide = (id, bytes) => owner.bytes(id, frame(String(bytes.reduce((a, b) => a + b, 0))));
    const socket = client();
    socket.write(frame(new Uint8Array(3_000_000).fill(2)));
    expect(await received(socket, 11)).toEqual(frame('6000000'));
  });

  test('the end of a connection is reported once, with its reason', async () => {
    const gone = client();
    gone.end(frame('farewell'));
    await once(gone, 'close');
    const hostile = client();
    hostile.write('GET / HTTP/1.1\r\n\r\n');
    await once(hostile, 'close');
    const tiny = client();
    tiny.write(Buffer.from([0, 0, 0, 3, 1, 2, 3]));
    await once(tiny, 'close');
    await expect
      .poll(() => owner.of(EventKind.closed).map((event) => event[2]))
      .toEqual([CloseReason.peer, CloseReason.frameTooLarge, CloseReason.frameTooSmall]);
    expect(owner.of(EventKind.frame)).toHaveLength(1);
  });

  test('closeAfter lets everything before it leave', async () => {
    owner.decide = (id) => {
      owner.bytes(id, frame('last words'));
      owner.row(id, SendKind.closeAfter);
    };
    const socket = client();
    socket.write(frame('close me'));
    const closed = once(socket, 'close');
    expect(await received(socket, 14)).toEqual(frame('last words'));
    await closed;
    await expect
      .poll(() => owner.of(EventKind.closed).map((event) => event[2]))
      .toEqual([CloseReason.local]);
  });

  test('a paused connection is not heard until it is resumed', async () => {
    const socket = client();
    await expect.poll(() => owner.of(EventKind.opened).length).toBe(1);
    const id = owner.of(EventKind.opened)[0]?.[1] as number;
    engine.reactor.pauseReading(id);
    socket.write(frame('can you hear me'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(owner.of(EventKind.frame)).toHaveLength(0);
    engine.reactor.resumeReading(id);
    await expect.poll(() => owner.of(EventKind.frame).length).toBe(1);
  });

  test('replies outside of a tick leave at once', async () => {
    const socket = client();
    await expect.poll(() => owner.of(EventKind.opened).length).toBe(1);
    const id = owner.of(EventKind.opened)[0]?.[1] as number;
    const big = new Uint8Array(3 << 20).fill(7);
    owner.bytes(id, frame('small'));
    owner.flush();
    engine.reactor.sendOwned(id, big);
    const all = await received(socket, 9 + big.length);
    expect(all.subarray(0, 9)).toEqual(frame('small'));
    expect(all.subarray(9).equals(big)).toBe(true);
  });

  test('a produced batch is appended from its frame and fetched as a file slice', async () => {
    const { store } = engine;
    const dirId = await store.openDir(world.dir);
    const { logId } = await store.openLog(logRequest(dirId, 'topic-0'));
    const batch = produced(10, 1000, 1000);
    owner.decide = (id, bytes, bufferId, offset) => {
      store.plan.set([logId, bufferId, offset, bytes.length, 0, -1]);
      expect(store.plan.length % PLAN_STRIDE).toBe(0);
      store.stage(1);
      expect([...store.results.subarray(0, 4)]).toEqual([0, 0, -1, 10]);
      expect(store.commit()).toBe(0);
      expect(store.locate(logId, 0, 10, 1 << 20, true)).toBe(0);
      const [segment = 0, position = 0, length = 0] = store.located;
      owner.bytes(id, Buffer.from('head'));
      owner.row(id, SendKind.file, logId, segment, position, length);
      owner.bytes(id, Buffer.from('tail'));
    };
    const socket = client();
    socket.write(frame(batch));
    const all = await received(socket, batch.length + 8);
    expect(all.subarray(0, 4).toString()).toBe('head');
    expect(all.subarray(-4).toString()).toBe('tail');
    expect([...all.subarray(4, -4)]).toEqual([...(await store.read(logId, 0, 10, 1 << 20, true))]);
  });

  test('a located slice is sent even when its segment goes before the flush', async () => {
    const { store } = engine;
    const dirId = await store.openDir(world.dir);
    const options = { ...LOG_OPTIONS, segmentBytes: 500 };
    const { logId } = await store.openLog(logRequest(dirId, 'topic-0', options));
    for (let i = 0; i < 4; i++) {
      store.stageOwned(logId, produced(2, 1000, 60), 0, -1);
      store.commit();
    }
    const socket = client();
    await expect.poll(() => owner.of(EventKind.opened).length).toBe(1);
    const id = owner.of(EventKind.opened)[0]?.[1] as number;
    const expected = await store.read(logId, 0, 4, 1 << 20, true);
    await store.warm(logId, 0, 1 << 20);
    expect(store.locate(logId, 0, 4, 1 << 20, true)).toBe(0);
    const [segment = 0, position = 0, length = 0] = store.located;
    const isNative = body.name === 'native';
    if (isNative) {
      await store.trimTo(logId, 8);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    owner.row(id, SendKind.file, logId, segment, position, length);
    owner.flush();
    expect(await received(socket, length)).toEqual(Buffer.from(expected));
  });

  test('a slice that is gone closes the connection', async () => {
    owner.decide = (id) => owner.row(id, SendKind.file, 99, 0, 0, 10);
    const socket = client();
    socket.write(frame('give me that file'));
    await once(socket, 'close');
    await expect
      .poll(() => owner.of(EventKind.closed).map((event) => event[2]))
      .toEqual([CloseReason.ioError]);
  });

  test('a taken port is an error with a code', () => {
    expect(() => engine.reactor.listen('127.0.0.1', port, 16)).toThrow(
      expect.objectContaining({ code: EngineErrorCode.addressInUse }),
    );
  });
});

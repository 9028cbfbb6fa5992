import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { eventually } from '@millrace/testing';
import { afterEach, expect, test } from 'vitest';
import { setAcceptedSocketOptions, setListenBacklog } from './accepted-socket-options.ts';
import { EngineErrorCode } from './engine-error.ts';

const OPTIONS = { notsentLowatBytes: 16_384, userTimeoutMs: 30_000 };
const SENT_BYTES = 8 << 20;
const CHUNK_BYTES = 16 << 10;
/** What the kernels of both ends hold for a peer that does not read: its window and the low water mark. */
const HELD_BYTES_MAX = 1 << 20;

let server: Server | undefined;
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
});

async function listen(): Promise<number> {
  server = createServer({ noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** How much of 8 MiB the kernel takes for a client that never reads. */
async function takenByKernel(port: number): Promise<number> {
  const accepted = once(server as Server, 'connection');
  const client = connect(port, '127.0.0.1');
  client.pause();
  const [socket] = (await accepted) as [Socket];
  sockets.push(client, socket);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let taken = 0;
  // One after the other: only whole writes are counted.
  const send = (): void => {
    if (taken < SENT_BYTES) socket.write(chunk, (error) => error ?? more());
  };
  const more = (): void => {
    taken += chunk.length;
    send();
  };
  send();
  let [before, rests] = [-1, 0];
  await eventually('the kernel takes no more', 60_000, () => {
    rests = taken > 0 && taken === before ? rests + 1 : 0;
    before = taken;
    return rests >= 10;
  });
  return taken;
}

test('connections accepted later leave what cannot be sent to the process', async () => {
  const port = await listen();
  const before = await takenByKernel(port);
  expect(setAcceptedSocketOptions(port, OPTIONS)).toBe(1);
  const after = await takenByKernel(port);
  expect(after).toBeLessThan(HELD_BYTES_MAX);
  expect(after).toBeLessThan(before / 2);
});

test('a port at which this process does not listen, and an option that is refused, are named', async () => {
  const port = await listen();
  const refused = { ...OPTIONS, userTimeoutMs: 2 ** 32 - 1 };
  expect(() => setAcceptedSocketOptions(port, refused)).toThrow(
    expect.objectContaining({
      code: EngineErrorCode.socketOption,
      message: expect.stringContaining('TCP_USER_TIMEOUT'),
    }),
  );
  (server as Server).close();
  await once(server as Server, 'close');
  for (const nobody of [port, 70_000]) {
    const unknown = expect.objectContaining({ code: EngineErrorCode.unknownHandle });
    expect(() => setAcceptedSocketOptions(nobody, OPTIONS)).toThrow(unknown);
    expect(() => setListenBacklog(nobody, 16)).toThrow(unknown);
  }
});

test('the queue of a listening socket is changed while it listens', async () => {
  const port = await listen();
  for (const backlog of [1, 512, 70_000]) expect(setListenBacklog(port, backlog)).toBe(1);
  const accepted = once(server as Server, 'connection');
  const client = connect(port, '127.0.0.1');
  const [socket] = (await accepted) as [Socket];
  sockets.push(client, socket);
});

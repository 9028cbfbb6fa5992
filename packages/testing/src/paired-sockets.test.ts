import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { listenLocally } from './listen-locally.ts';
import { resetSocket } from './paired-sockets.ts';

test('a socket that has just been told to end is closed by a reset, too', async () => {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.resume();
  });
  const socket = connect(await listenLocally(server), '127.0.0.1');
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  socket.end();
  resetSocket(socket);
  await closed;
  expect(socket.destroyed).toBe(true);
  server.close();
});

import { once } from 'node:events';
import { connect } from 'node:net';
import { FrameClient } from '@millrace/testing';
import { RawClient } from './raw-client.ts';

const HANDSHAKES = 100;
/** Connections are made so many at once: more would stand in the kernel's queue of the listener. */
const CONNECTED_AT_ONCE = 200;

/** How long all but the slowest of a hundred handshakes took, one after the other, up to Welcome. Milliseconds. */
async function handshakeMs(port: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < HANDSHAKES; i++) {
    const startedAt = performance.now();
    const client = await FrameClient.open(port);
    client.send({ kind: 'hello', caps: 127 });
    await client.take('welcome');
    times.push(performance.now() - startedAt);
    client.socket.close();
  }
  return times.sort((a, b) => a - b).at(-2) as number;
}

/**
 * How much longer good handshakes take beside connections that never finish: the p99 of one hundred beside them by the p99 of
 * one hundred before.
 *
 * @param halfOpen connections that end in the middle of their upgrade; @param idle those that are upgraded and say nothing
 */
export async function handshakeRatio(
  port: number,
  halfOpen: number,
  idle: number,
): Promise<number> {
  const alone = await handshakeMs(port);
  const opened: { destroy(): void }[] = [];
  try {
    while (opened.length < halfOpen) {
      const count = Math.min(CONNECTED_AT_ONCE, halfOpen - opened.length);
      const sockets = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
      opened.push(...sockets);
      await Promise.all(sockets.map((socket) => once(socket, 'connect')));
      for (const socket of sockets) socket.on('error', () => {}).write('GET /v1/ws HTTP/1.1\r\nHo');
    }
    opened.push(...(await Promise.all(Array.from({ length: idle }, () => RawClient.open(port)))));
    return (await handshakeMs(port)) / alone;
  } finally {
    for (const socket of opened) socket.destroy();
  }
}

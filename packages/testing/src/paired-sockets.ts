import type { Socket } from 'node:net';

/**
 * Ends a connection with a reset. A socket that has just been told to end is destroyed instead: Node 22 never closes one
 * that is reset before its shutdown is through, and the process then spins in its own clean-up for ever.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}

/** Two ends of a proxied connection: errors are the proxied peers' business, and neither end outlives the other. */
export function pairSockets(a: Socket, b: Socket, open: Set<Socket>): void {
  for (const [socket, other] of [
    [a, b],
    [b, a],
  ] as const) {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      open.delete(socket);
      other.destroy();
    });
  }
}

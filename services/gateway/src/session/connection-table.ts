import type { Socket } from '../ws/socket-server.ts';
import type { Connection } from './connection.ts';

/** All connections of a process, in parts of which one has its turn in each sweep; those on their way in or out have one in all. */
export class ConnectionTable {
  readonly #parts: readonly Map<Socket, Connection>[];
  readonly #restless = new Set<Connection>();
  size = 0;

  constructor(partCount: number) {
    this.#parts = Array.from({ length: partCount }, () => new Map<Socket, Connection>());
  }

  get(socket: Socket): Connection | undefined {
    return this.#partOf(socket).get(socket);
  }

  add(connection: Connection): void {
    this.#partOf(connection.socket).set(connection.socket, connection);
    this.#restless.add(connection);
    this.size++;
  }

  remove(connection: Connection): void {
    if (!this.#partOf(connection.socket).delete(connection.socket)) return;
    this.#restless.delete(connection);
    this.size--;
  }

  /** A list of its own, so that connections may end meanwhile. */
  all(): Connection[] {
    return this.#parts.flatMap((part) => [...part.values()]);
  }

  /** Those whose turn it is in a sweep: one part, and whoever is on the way in or out. */
  *due(sweep: number): Iterable<Connection> {
    const part = this.#parts[sweep % this.#parts.length] as Map<Socket, Connection>;
    for (const connection of this.#restless)
      if (this.#partOf(connection.socket) !== part) yield connection;
    yield* part.values();
  }

  /** It stays, or goes: how it is looked at from now on. */
  settle(connection: Connection): void {
    if (connection.state === 'READY') this.#restless.delete(connection);
    else if (connection.isOpen) this.#restless.add(connection);
  }

  #partOf(socket: Socket): Map<Socket, Connection> {
    return this.#parts[socket.id % this.#parts.length] as Map<Socket, Connection>;
  }
}

import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Prng } from '@millrace/base';
import { listenLocally, resetSocket } from '@millrace/testing';

/** From which a stalled connection is cut, so that a run does not gather them: later than any heartbeat notices it. */
const STALL_MS_MAX = 15_000;
const DRIP_BYTES = 256;
const DRIP_MS = 2;
const TRUNCATE_BYTES_MAX = 4_096;

/** What can happen to a connection, whoever is to blame. */
export type Strike = 'reset' | 'stall' | 'truncate' | 'slow';

/** One direction of a connection. */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  #isStalled = false;
  #dripsLeft = 0;
  /** Bytes that still go through; then both ends are closed. */
  #bytesLeft = Number.POSITIVE_INFINITY;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on('data', (chunk) => this.#pass(chunk));
    from.on('end', () => {
      if (!this.#isStalled) to.end();
    });
    to.on('drain', () => {
      if (!this.#isStalled && this.#dripsLeft === 0) from.resume();
    });
  }

  /** Nothing goes through any more, and nobody is told. */
  stall(): void {
    this.#isStalled = true;
    this.#from.pause();
  }

  truncate(bytes: number): void {
    this.#bytesLeft = bytes;
  }

  /** The next so many chunks go through in drips. */
  slow(chunks: number): void {
    this.#dripsLeft = chunks;
  }

  #pass(chunk: Buffer): void {
    if (this.#isStalled || this.#to.destroyed) return;
    if (chunk.length >= this.#bytesLeft) {
      // In the middle of a frame, and with a proper end of the connection.
      this.#to.end(chunk.subarray(0, this.#bytesLeft));
      this.#from.destroy();
      return;
    }
    this.#bytesLeft -= chunk.length;
    if (this.#dripsLeft > 0) void this.#drip(chunk);
    else if (!this.#to.write(chunk)) this.#from.pause();
  }

  async #drip(chunk: Buffer): Promise<void> {
    this.#from.pause();
    for (let at = 0; at < chunk.length && !this.#to.destroyed; at += DRIP_BYTES) {
      this.#to.write(chunk.subarray(at, at + DRIP_BYTES));
      await sleep(DRIP_MS);
    }
    this.#dripsLeft--;
    if (!this.#isStalled && !this.#from.destroyed) this.#from.resume();
  }
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly toServer: Lane;
  readonly toClient: Lane;
}

/** Stands between clients and one gateway, and strikes their connections. */
export class FaultProxy {
  readonly #server: Server;
  url = '';
  readonly #pairs = new Set<Pair>();
  readonly #random: Prng;

  private constructor(targetPort: number, random: Prng) {
    this.#random = random;
    this.#server = createServer((client) => {
      const server = dial(targetPort, '127.0.0.1');
      const pair = {
        ...{ client, server },
        ...{ toServer: new Lane(client, server), toClient: new Lane(server, client) },
      };
      this.#pairs.add(pair);
      for (const [socket, other] of [
        [client, server],
        [server, client],
      ] as const) {
        // The other end learns of it in the same way: a reset is passed on.
        socket.on('error', () => resetSocket(other));
        socket.on('close', () => {
          this.#pairs.delete(pair);
          other.destroySoon();
        });
      }
    });
  }

  static async open(targetPort: number, random: Prng): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort, random);
    proxy.url = `ws://127.0.0.1:${await listenLocally(proxy.#server)}/v1/ws`;
    return proxy;
  }

  /** Strikes each connection with that probability; returns how many it met. */
  strike(strike: Strike, share: number): number {
    const chosen = [...this.#pairs].filter(() => this.#random.float() < share);
    for (const pair of chosen) this.#hit(pair, strike);
    return chosen.length;
  }

  close(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    this.#server.close();
  }

  #hit({ client, server, toServer, toClient }: Pair, strike: Strike): void {
    const random = this.#random;
    if (strike === 'reset') {
      resetSocket(client);
      resetSocket(server);
    } else if (strike === 'truncate') {
      toClient.truncate(random.below(TRUNCATE_BYTES_MAX));
    } else if (strike === 'slow') {
      toClient.slow(1 + random.below(20));
    } else {
      // Half-open: one direction, the other, or both.
      const which = random.below(3);
      if (which !== 0) toServer.stall();
      if (which !== 1) toClient.stall();
      setTimeout(() => {
        client.destroy();
        server.destroy();
      }, STALL_MS_MAX).unref();
    }
  }
}

import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { listenLocally, pairSockets, resetSocket } from '@millrace/testing';

const PRODUCE = 0;

/** The requests of one connection as they pass: a length, then the API key. */
class RequestWatch {
  #rest = Buffer.alloc(0);
  /** Bytes of the request under way that are still to come. */
  #left = 0;
  readonly #onRequest: (apiKey: number) => void;

  constructor(onRequest: (apiKey: number) => void) {
    this.#onRequest = onRequest;
  }

  pass(chunk: Buffer): void {
    let data = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const skipped = Math.min(this.#left, data.length);
      this.#left -= skipped;
      data = data.subarray(skipped);
      if (this.#left > 0 || data.length < 6) break;
      this.#onRequest(data.readInt16BE(4));
      this.#left = 4 + data.readInt32BE(0);
    }
    this.#rest = Buffer.from(data);
  }
}

/**
 * Stands before a broker that tells its clients to come through here, and can keep answers to Produce from them: the
 * records are in the log then, and nobody was told.
 */
export class BrokerProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Of how many Produce requests from now on the answer is lost. */
  answersToLose = 0;
  lostCount = 0;

  private constructor(port: number, server: Server) {
    this.port = port;
    this.#server = server;
  }

  /** @param targetPort may be bound later: what connects before is refused. */
  static async open(targetPort: number): Promise<BrokerProxy> {
    const server = createServer();
    const proxy = new BrokerProxy(await listenLocally(server), server);
    server.on('connection', (client) => proxy.#join(client, dial(targetPort, '127.0.0.1')));
    return proxy;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #join(client: Socket, broker: Socket): void {
    let isToLose = false;
    const requests = new RequestWatch((apiKey) => {
      if (apiKey !== PRODUCE || this.answersToLose === 0) return;
      this.answersToLose--;
      isToLose = true;
    });
    client.on('data', (chunk) => {
      requests.pass(chunk);
      broker.write(chunk);
    });
    broker.on('data', (chunk) => {
      if (!isToLose) {
        client.write(chunk);
        return;
      }
      // The broker has done what it was asked: it answers.
      this.lostCount++;
      resetSocket(client);
      broker.destroy();
    });
    pairSockets(client, broker, this.#sockets);
  }
}

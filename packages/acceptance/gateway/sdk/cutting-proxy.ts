import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { listenLocally, pairSockets, resetSocket } from '@millrace/testing';

/** Hands connections through to a port and can cut them all. */
export class CuttingProxy {
  url = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  cuts = 0;

  private constructor(targetPort: number) {
    this.#server = createServer((from) => {
      const to = dial(targetPort, '127.0.0.1');
      pairSockets(from, to, this.#sockets);
      from.pipe(to).pipe(from);
    });
  }

  static async open(targetPort: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(targetPort);
    proxy.url = `ws://127.0.0.1:${await listenLocally(proxy.#server)}/v1/ws`;
    return proxy;
  }

  /** Every connection ends here and now, in the middle of whatever it was saying. */
  cut(): void {
    if (this.#sockets.size > 0) this.cuts++;
    for (const socket of this.#sockets) resetSocket(socket);
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { pairSockets, resetSocket } from '@millrace/testing';

/** Hands connections through to a port and can cut them all. */
export class CuttingProxy {
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
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return `ws://127.0.0.1:${address.port}/v1/ws`;
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

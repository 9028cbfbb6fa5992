import type { Reactor } from '@millrace/engine';
import type { ListenerAddress } from '../config/listener.ts';

/** A listener as it stands: the port is the one really bound. */
export interface OpenListener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** Binds the listeners of the configuration and knows their names by the engine's number. */
export class Listeners {
  readonly #reactor: Reactor;
  readonly #names = new Map<number, string>();
  readonly #open: OpenListener[] = [];

  constructor(reactor: Reactor) {
    this.#reactor = reactor;
  }

  get open(): readonly OpenListener[] {
    return this.#open;
  }

  /** @throws EngineError `addressInUse`, `addressUnavailable` */
  listen(addresses: readonly ListenerAddress[], backlog: number): void {
    for (const { name, host, port } of addresses) {
      const info = this.#reactor.listen(host === '' ? '::' : host, port, backlog);
      this.#names.set(info.listenerId, name);
      this.#open.push({ name, host, port: info.port });
    }
  }

  nameOf(listenerId: number): string {
    return this.#names.get(listenerId) ?? '';
  }

  /** Accepts nobody any more; open connections go on. */
  close(): void {
    for (const listenerId of this.#names.keys()) this.#reactor.closeListener(listenerId);
    this.#names.clear();
  }
}

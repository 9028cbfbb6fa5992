import type { Logger } from '@millrace/base';
import { CloseReason, type Reactor } from '@millrace/engine';
import { responseHeaderVersion } from '@millrace/protocol';
import type { PendingReply } from '../api/pending-reply.ts';
import { plainAddress } from '../config/advertised-endpoint.ts';
import type { Backlog } from './backlog.ts';
import { Connection } from './connection.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { ResponseQueue } from './response-queue.ts';

export interface ConnectionTableParts {
  readonly reactor: Reactor;
  readonly responses: ResponseQueue;
  readonly budget: MemoryBudget;
  readonly backlog: Backlog;
  readonly log: Logger;
  readonly listenerNameOf: (listenerId: number) => string;
  /** Monotonic ms of the current tick. */
  readonly nowMs: () => number;
  readonly onReply: (reply: PendingReply) => void;
}

/** Close reasons that say the peer does not speak Kafka or means harm; logged sparingly. */
const HOSTILE_REASONS = new Map<number, string>([
  [CloseReason.frameTooLarge, 'frame too large (HTTP or TLS on a plaintext port?)'],
  [CloseReason.frameTooSmall, 'frame too small'],
  [CloseReason.refusedPrefix, 'large frame of an api or version that is not served'],
  [CloseReason.frameDeadline, 'frame not complete in time'],
  [CloseReason.sendBudget, 'too many unsent answers'],
]);

/** The open connections, by the engine's number. */
export class ConnectionTable {
  readonly #parts: ConnectionTableParts;
  readonly #connections = new Map<number, Connection>();

  constructor(parts: ConnectionTableParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#connections.size;
  }

  get(id: number): Connection | undefined {
    return this.#connections.get(id);
  }

  opened(id: number, listenerId: number): void {
    const info = this.#parts.reactor.connectionInfo(id);
    this.#connections.set(
      id,
      new Connection({
        identity: {
          id,
          remoteAddress: plainAddress(info.remoteAddress),
          remotePort: info.remotePort,
          localAddress: plainAddress(info.localAddress),
          localPort: info.localPort,
          listener: this.#parts.listenerNameOf(listenerId),
        },
        responses: this.#parts.responses,
        budget: this.#parts.budget,
        backlog: this.#parts.backlog,
        setReading: (isReading) => {
          if (isReading) this.#parts.reactor.resumeReading(id);
          else this.#parts.reactor.pauseReading(id);
        },
        hasFlexibleResponseHeader: (key, version) => responseHeaderVersion(key, version) >= 1,
        nowMs: this.#parts.nowMs,
        onReply: this.#parts.onReply,
        onBug: (reply, error) =>
          this.#parts.log.error('a response does not encode', {
            apiKey: reply.apiKey,
            apiVersion: reply.apiVersion,
            error: String(error),
          }),
      }),
    );
  }

  closed(id: number, reason: number): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    this.#connections.delete(id);
    const hostile = HOSTILE_REASONS.get(reason);
    if (hostile !== undefined) this.#logHostile(connection, hostile);
    connection.closed();
  }

  /** A frame of this client made no sense. */
  refused(connection: Connection, why: string): void {
    this.#logHostile(connection, why);
  }

  #logHostile(connection: Connection, why: string): void {
    const address = connection.identity.remoteAddress;
    this.#parts.log.warnLimited(`hostile ${address}`, 'connection closed', { address, why });
  }
}

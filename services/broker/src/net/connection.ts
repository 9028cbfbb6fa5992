import type { PendingReply, ReplyChannel } from '../api/pending-reply.ts';
import type { ConnectionIdentity } from '../api/request-context.ts';
import type { BudgetedConnection, MemoryBudget } from './memory-budget.ts';
import type { ResponseQueue } from './response-queue.ts';

/** What a connection needs of its surroundings. */
export interface ConnectionParts {
  readonly identity: ConnectionIdentity;
  readonly responses: ResponseQueue;
  readonly budget: MemoryBudget;
  /** Whether the response of that key and version has tagged fields in its header. */
  readonly hasFlexibleResponseHeader: (apiKey: number, apiVersion: number) => boolean;
  readonly onReply: (reply: PendingReply) => void;
  /** An encoder threw: a bug. */
  readonly onBug: (reply: PendingReply, error: unknown) => void;
}

/**
 * One client's conversation. Handlers may finish out of order; replies leave in request order (T18):
 *
 *   head ─ done? ─ encode, send, next … ─ first that is not done: stop
 */
export class Connection implements ReplyChannel, BudgetedConnection {
  readonly identity: ConnectionIdentity;
  readonly #parts: ConnectionParts;
  #head: PendingReply | null = null;
  #tail: PendingReply | null = null;
  #pendingCount = 0;
  #isOpen = true;
  #isClosing = false;
  /** The engine was asked to stop reading from this client. */
  isPaused = false;
  #clientIdBytes: Uint8Array = new Uint8Array(0);
  #clientId = '';

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.identity = parts.identity;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** No further request of this connection is looked at. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Replies owed to this client. */
  get pendingCount(): number {
    return this.#pendingCount;
  }

  enqueue(reply: PendingReply): void {
    reply.channel = this;
    reply.nextInOrder = null;
    if (this.#tail === null) this.#head = reply;
    else this.#tail.nextInOrder = reply;
    this.#tail = reply;
    this.#pendingCount++;
    this.#parts.budget.requestStarted(this);
    if (reply.isDone) this.advance();
  }

  advance(): void {
    let reply = this.#head;
    while (reply?.isDone) {
      const next: PendingReply | null = reply.nextInOrder;
      this.#head = next;
      if (next === null) this.#tail = null;
      this.#pendingCount--;
      this.#send(reply);
      reply.channel = null;
      reply.nextInOrder = null;
      this.#parts.onReply(reply);
      reply.release();
      this.#parts.budget.requestEnded(this);
      reply = next;
    }
    if (this.#isClosing && this.#head === null && this.#isOpen) this.#close();
  }

  parked(delta: 1 | -1): void {
    this.#parts.budget.parked(delta);
  }

  closeAfterReplies(): void {
    if (this.#isClosing || !this.#isOpen) return;
    this.#isClosing = true;
    if (this.#head === null) this.#close();
  }

  /** The socket is gone: everything owed is abandoned. */
  closed(): void {
    this.#isOpen = false;
    this.#isClosing = true;
    let reply = this.#head;
    this.#head = null;
    this.#tail = null;
    while (reply !== null) {
      const next: PendingReply | null = reply.nextInOrder;
      reply.channel = null;
      reply.nextInOrder = null;
      this.#pendingCount--;
      this.#parts.budget.requestEnded(this);
      if (reply.isParked) this.#parts.budget.parked(-1);
      if (reply.isDone) reply.release();
      else reply.abandon();
      reply = next;
    }
  }

  /** The client id in `bytes[start, end)`; the text of the last one is kept, clients rarely change it. */
  clientIdOf(bytes: Uint8Array, start: number, end: number): string {
    const last = this.#clientIdBytes;
    const length = end - start;
    if (last.length === length) {
      let i = 0;
      while (i < length && last[i] === bytes[start + i]) i++;
      if (i === length) return this.#clientId;
    }
    this.#clientIdBytes = bytes.slice(start, end);
    this.#clientId = Buffer.from(this.#clientIdBytes).toString('utf8');
    return this.#clientId;
  }

  #send(reply: PendingReply): void {
    if (!this.#isOpen || reply.isSilent) return;
    try {
      this.#parts.responses.stage(
        this.identity.id,
        reply,
        this.#parts.hasFlexibleResponseHeader(reply.apiKey, reply.apiVersion),
      );
    } catch (error) {
      this.#parts.onBug(reply, error);
      this.#isClosing = true;
      this.#close();
    }
  }

  #close(): void {
    this.#isOpen = false;
    this.#parts.responses.stageClose(this.identity.id);
  }
}

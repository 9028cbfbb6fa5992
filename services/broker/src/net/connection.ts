import type { PendingReply, ReplyChannel } from '../api/pending-reply.ts';
import type { ConnectionIdentity } from '../api/request-context.ts';
import { ANSWER_BYTES_PER_TURN, OPEN_REQUESTS_PER_CONNECTION_MAX } from '../limits.ts';
import type { Backlog, HeldBackConnection, HeldFrame } from './backlog.ts';
import type { BudgetedConnection, MemoryBudget } from './memory-budget.ts';
import type { ResponseQueue } from './response-queue.ts';

const PRODUCE_KEY = 0;

/** What a connection needs of its surroundings. */
export interface ConnectionParts {
  readonly identity: ConnectionIdentity;
  readonly responses: ResponseQueue;
  readonly budget: MemoryBudget;
  readonly backlog: Backlog;
  /** Stops or goes on reading from this client. */
  readonly setReading: (isReading: boolean) => void;
  /** Whether the response of that key and version has tagged fields in its header. */
  readonly hasFlexibleResponseHeader: (apiKey: number, apiVersion: number) => boolean;
  /** Monotonic ms of the current tick. */
  readonly nowMs: () => number;
  readonly onReply: (reply: PendingReply) => void;
  /** An encoder threw: a bug. */
  readonly onBug: (reply: PendingReply, error: unknown) => void;
}

/**
 * One client's conversation. Handlers may finish out of order; replies leave in request order (T18):
 *
 *   head ─ done? ─ encode, send, next … ─ first that is not done: stop
 */
export class Connection implements ReplyChannel, BudgetedConnection, HeldBackConnection {
  readonly identity: ConnectionIdentity;
  readonly #parts: ConnectionParts;
  #head: PendingReply | null = null;
  #tail: PendingReply | null = null;
  #pendingCount = 0;
  #parkedCount = 0;
  /** Replies owed, but those of Produce. */
  #openCount = 0;
  readonly #heldBack: HeldFrame[] = [];
  #heldBackAt = 0;
  #turn = 0;
  #turnBytes = 0;
  #turnCount = 0;
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

  get hasHeldBack(): boolean {
    return this.#heldBackAt < this.#heldBack.length;
  }

  /** Own replies come first: a long poll is open, too many are open, or this beat's share is used up. */
  get mustWait(): boolean {
    if (this.#parkedCount > 0) return true;
    if (this.#openCount >= OPEN_REQUESTS_PER_CONNECTION_MAX) return true;
    return (
      this.#turn === this.#parts.backlog.turn &&
      (this.#turnBytes >= ANSWER_BYTES_PER_TURN ||
        this.#turnCount >= OPEN_REQUESTS_PER_CONNECTION_MAX)
    );
  }

  /** Keeps a copy of a frame until it may be served. False: there is no room for it. */
  holdBack(bytes: Uint8Array): boolean {
    const { backlog, setReading, nowMs } = this.#parts;
    if (!backlog.hold(bytes.length)) return false;
    if (!this.hasHeldBack) {
      setReading(false);
      // Otherwise the next reply that leaves says so: see `#advance`.
      if (this.#head === null) backlog.ready(this);
    }
    this.#heldBack.push({ bytes: bytes.slice(), sinceMs: nowMs() });
    return true;
  }

  takeHeldBack(): HeldFrame | undefined {
    const frame = this.#heldBack[this.#heldBackAt];
    if (frame === undefined) return undefined;
    this.#heldBackAt++;
    this.#parts.backlog.released(frame.bytes.length);
    if (!this.hasHeldBack) {
      this.#heldBack.length = 0;
      this.#heldBackAt = 0;
      if (!this.isPaused) this.#parts.setReading(true);
    }
    return frame;
  }

  enqueue(reply: PendingReply): void {
    reply.channel = this;
    if (reply.apiKey !== PRODUCE_KEY) {
      this.#openCount++;
      this.#countTurn(1, 0);
    }
    reply.nextInOrder = null;
    reply.finishedAtMs = 0;
    if (this.#tail === null) this.#head = reply;
    else this.#tail.nextInOrder = reply;
    this.#tail = reply;
    this.#pendingCount++;
    this.#parts.budget.requestStarted(this);
    if (reply.isDone) this.finished(reply);
  }

  finished(reply: PendingReply): void {
    if (reply !== this.#head) reply.finishedAtMs = this.#parts.nowMs();
    this.#advance();
  }

  #countTurn(requests: number, bytes: number): void {
    const { turn } = this.#parts.backlog;
    if (this.#turn !== turn) {
      this.#turn = turn;
      this.#turnBytes = 0;
      this.#turnCount = 0;
    }
    this.#turnBytes += bytes;
    this.#turnCount += requests;
  }

  #advance(): void {
    let reply = this.#head;
    while (reply?.isDone) {
      const next: PendingReply | null = reply.nextInOrder;
      this.#head = next;
      if (next === null) this.#tail = null;
      this.#pendingCount--;
      if (reply.apiKey !== PRODUCE_KEY) this.#openCount--;
      this.#send(reply);
      reply.channel = null;
      reply.nextInOrder = null;
      this.#parts.onReply(reply);
      reply.release();
      this.#parts.budget.requestEnded(this);
      reply = next;
    }
    if (this.#isClosing && this.#head === null && this.#isOpen) this.#close();
    else if (this.hasHeldBack) this.#parts.backlog.ready(this);
  }

  parked(delta: 1 | -1): void {
    this.#parkedCount += delta;
    this.#parts.budget.parked(delta);
  }

  closeAfterReplies(): void {
    if (this.#isClosing || !this.#isOpen) return;
    this.#isClosing = true;
    this.#dropHeldBack();
    if (this.#head === null) this.#close();
  }

  /** The socket is gone: everything owed is abandoned. */
  closed(): void {
    this.#isOpen = false;
    this.#isClosing = true;
    this.#dropHeldBack();
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
      const bytes = this.#parts.responses.stage(
        this.identity.id,
        reply,
        this.#parts.hasFlexibleResponseHeader(reply.apiKey, reply.apiVersion),
      );
      this.#countTurn(0, bytes);
    } catch (error) {
      this.#parts.onBug(reply, error);
      this.#isClosing = true;
      this.#close();
    }
  }

  #dropHeldBack(): void {
    for (const { bytes } of this.#heldBack.slice(this.#heldBackAt)) {
      this.#parts.backlog.released(bytes.length);
    }
    this.#heldBack.length = 0;
    this.#heldBackAt = 0;
  }

  #close(): void {
    this.#isOpen = false;
    this.#parts.responses.stageClose(this.identity.id);
  }
}

import type { Writer } from '@millrace/bytes';
import type { ConnectionIdentity } from './request-context.ts';

/** A connection, as a direct handler sees it. */
export interface ReplyChannel {
  readonly identity: ConnectionIdentity;
  readonly isOpen: boolean;
  /** Takes the next place in the order of replies. The reply leaves once it is done and at the head. */
  enqueue(reply: PendingReply): void;
  /** The answer is complete; sends whatever is done at the head of the order. */
  finished(reply: PendingReply): void;
  /** A reply of this connection began (1) or ended (-1) a long poll, which does not count as work. */
  parked(delta: 1 | -1): void;
  /** Closes after everything already answered has been written. */
  closeAfterReplies(): void;
}

/**
 * A place in a connection's order of replies (T18). It is encoded only when it reaches the head, straight
 * into the socket's staging memory.
 */
export abstract class PendingReply {
  channel: ReplyChannel | null = null;
  correlationId = 0;
  apiKey = 0;
  apiVersion = 0;
  /** Monotonic ms at which the request was read; for metrics. */
  startedAtMs = 0;
  /** Ms the request was held back before that. */
  queuedMs = 0;
  /** Monotonic ms at which the answer was complete, when earlier ones kept it; else 0. */
  finishedAtMs = 0;
  isDone = false;
  /** Nothing is sent (acks=0): only the place in the order counts. */
  isSilent = false;
  /** Parked replies (long polls) do not count as work in progress. */
  isParked = false;
  /** The next reply of the same connection. */
  nextInOrder: PendingReply | null = null;

  /** Writes the response body; the header is already written. */
  abstract encodeBody(writer: Writer): void;
  /** The reply has been staged or its connection is gone and it was done: back to its pool. */
  abstract release(): void;
  /** The connection is gone before the reply was done. */
  abstract abandon(): void;

  /** Marks the answer complete; it leaves when everything before it has left. */
  finish(): void {
    this.isDone = true;
    this.channel?.finished(this);
  }
}

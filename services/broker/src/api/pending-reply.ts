import type { Writer } from '@millrace/bytes';
import type { ReplyChannel } from './api-handler.ts';

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
    this.channel?.advance();
  }
}

import type { Writer } from '@millrace/bytes';
import type { AnyApiHandler } from '../api/api-handler.ts';
import { PendingReply } from '../api/pending-reply.ts';

/** The reply of an ordinary handler: a value that is encoded once it is this reply's turn. */
export class ValueReply extends PendingReply {
  readonly handler: AnyApiHandler;
  #response: unknown;

  constructor(handler: AnyApiHandler) {
    super();
    this.handler = handler;
  }

  /** Waits for other clients: not counted as work until `answer`. */
  park(): void {
    this.isParked = true;
    this.channel?.parked(1);
  }

  /** `undefined` sends nothing. */
  answer(response: unknown): void {
    this.#response = response;
    this.isSilent = response === undefined;
    if (this.isParked) {
      this.isParked = false;
      this.channel?.parked(-1);
    }
    this.finish();
  }

  encodeBody(writer: Writer): void {
    this.handler.encode(writer, this.#response, this.apiVersion);
  }

  release(): void {
    this.#response = undefined;
  }

  abandon(): void {
    this.#response = undefined;
  }
}

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

  /** `undefined` sends nothing. */
  answer(response: unknown): void {
    this.#response = response;
    this.isSilent = response === undefined;
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

import type { GatewayError } from './errors.ts';
import type { GatewayRecord, RecordBlock } from './gateway-record.ts';
import type { Position, SubscriptionState } from './options.ts';

export type GapReasonName =
  | 'retention'
  | 'overflow'
  | 'truncated'
  | 'oversize'
  | 'reset'
  | 'unreadable';

/** They fire in the order of the stream: after the blocks before them are finished. */
export interface SubscriptionEvents {
  state(state: SubscriptionState): void;
  /** The end of the partition, as it was when the server looked, is reached. */
  caughtUp(position: Position): void;
  /** What ended the subscription, or a warning about it. */
  error(error: GatewayError): void;
  /** Offsets `[from, to)` will not be delivered. */
  gap(gap: {
    readonly partition: number;
    readonly from: number;
    readonly to: number;
    readonly reason: GapReasonName;
  }): void;
  /** What was read from `[from, to)` is no longer in the log. */
  diverged(lost: { readonly partition: number; readonly from: number; readonly to: number }): void;
  recreated(topic: { readonly topicId: string }): void;
}

/**
 * A position in every partition of a topic, kept by the page across connections. It takes one
 * consumer: asking for the next block says that the one before is finished, leaving the loop closes.
 */
export interface Subscription extends AsyncIterable<RecordBlock> {
  readonly topic: string;
  readonly state: SubscriptionState;
  /** One record at a time; a block is finished after its last one. */
  records(): AsyncIterable<GatewayRecord>;
  /** After the last block the consumer finished; without partitions whose start is not known yet. */
  position(): readonly Position[];
  /** The same as text for `start: { resume }`. @throws GatewayError while no position is known. */
  resumeToken(): string;
  /** Nothing is handed out, and after a moment nothing sent, until `resume`. */
  pause(): void;
  resume(): void;
  /** The loop ends at once. Resolves when the server has let go. */
  close(): Promise<void>;
  /** Returns how to stop listening. */
  on<E extends keyof SubscriptionEvents>(event: E, listener: SubscriptionEvents[E]): () => void;
}

import type { GatewayClient, SubscribeOptions, Subscription } from '@millrace/gateway-client';
import type { Meters } from './meters.ts';
import type { Tail } from './tail.ts';

export interface ReaderParts {
  readonly meters: Meters;
  readonly tail: Tail;
  readonly onState: (text: string, isBad: boolean) => void;
}

/** One subscription at a time: its blocks are counted, its last records shown. */
export class Reader {
  readonly #parts: ReaderParts;
  #subscription: Subscription | null = null;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  get isReading(): boolean {
    return this.#subscription !== null;
  }

  get isPaused(): boolean {
    return this.#subscription?.state === 'paused';
  }

  /** Ends what was read before. */
  read(client: GatewayClient, topic: string, options: SubscribeOptions): void {
    this.stop();
    const { meters, tail, onState } = this.#parts;
    const subscription = client.subscribe(topic, options);
    this.#subscription = subscription;
    const ifCurrent =
      <A extends unknown[]>(work: (...values: A) => void) =>
      (...values: A): void => {
        if (this.#subscription === subscription) work(...values);
      };
    subscription.on(
      'state',
      ifCurrent((state) => onState(STATES[state] ?? state, false)),
    );
    subscription.on(
      'caughtUp',
      ifCurrent(({ partition }) => meters.caughtUp(partition)),
    );
    subscription.on(
      'gap',
      ifCurrent(({ partition, from, to, reason }) => {
        meters.gap();
        tail.addGap(
          `Partition ${partition}: offsets ${from} to ${to - 1} are not there (${reason})`,
        );
      }),
    );
    subscription.on(
      'recreated',
      ifCurrent(() => tail.addGap('The topic was deleted and made again.')),
    );
    void this.#consume(subscription);
  }

  stop(): void {
    const subscription = this.#subscription;
    this.#subscription = null;
    void subscription?.close();
  }

  togglePause(): void {
    if (this.isPaused) this.#subscription?.resume();
    else this.#subscription?.pause();
  }

  async #consume(subscription: Subscription): Promise<void> {
    const { meters, tail, onState } = this.#parts;
    try {
      for await (const block of subscription) {
        if (this.#subscription !== subscription) return;
        let bytes = 0;
        let left = block.count;
        const { room } = tail;
        tail.skip(Math.max(0, left - room));
        for (const record of block) {
          bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
          // The block is gone when the next one is asked for.
          if (left-- <= room) tail.add(block.partition, record.copy());
        }
        meters.block(block, bytes);
      }
    } catch (error) {
      if (this.#subscription !== subscription) return;
      this.#subscription = null;
      onState((error as Error).message, true);
    }
  }
}

const STATES: Readonly<Record<string, string>> = {
  subscribing: 'Looking up the start …',
  catchingUp: 'Catching up',
  live: 'Live',
  paused: 'Paused: the position waits',
  reconnecting: 'Connecting again; the position is kept',
  closed: 'Stopped',
};

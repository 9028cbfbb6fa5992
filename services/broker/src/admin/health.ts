/** Where the broker is in its life, numbered as Kafka's brokerstate. */
export const BrokerState = { starting: 1, recovery: 2, running: 3, shuttingDown: 7 } as const;

export type BrokerState = (typeof BrokerState)[keyof typeof BrokerState];

/** An answer of the health endpoints. */
export interface HealthAnswer {
  readonly isGood: boolean;
  readonly status: 'ok' | 'starting' | 'stopping' | 'failed';
  /** Why not, in one sentence; "" when good. */
  readonly reason: string;
}

/** Whether the broker lives and whether it should be sent clients. */
export class Health {
  state: BrokerState = BrokerState.starting;
  readonly #failedDirs: () => readonly string[];

  /** @param failedDirs paths of the log dirs that failed */
  constructor(failedDirs: () => readonly string[]) {
    this.#failedDirs = failedDirs;
  }

  /** The process turns: whoever reads this has been answered. A failed log dir needs a restart. */
  live(): HealthAnswer {
    const failed = this.#failedDirs();
    if (failed.length === 0) return { isGood: true, status: 'ok', reason: '' };
    return { isGood: false, status: 'failed', reason: `Log dirs failed: ${failed.join(', ')}.` };
  }

  /** Clients are served. */
  ready(): HealthAnswer {
    if (this.state === BrokerState.shuttingDown) {
      return { isGood: false, status: 'stopping', reason: 'The broker is shutting down.' };
    }
    if (this.state !== BrokerState.running) {
      return { isGood: false, status: 'starting', reason: 'The broker is starting.' };
    }
    return this.live();
  }
}

import { type Prng, seededPrng } from '@millrace/base';

const CANARY_EVERY = 1_000;

export interface BarrageOptions {
  readonly seed: number;
  readonly connectionsAtOnce: number;
  /** Messages to send, all together. */
  readonly messageCount: number;
  /** One connection from its beginning to its end. */
  readonly talk: (random: Prng) => Promise<{ readonly sent: number; readonly isEnded: boolean }>;
  /** What an honest client's song takes, in ms. @throws Error when it is not served. */
  readonly sing: () => Promise<number>;
  readonly canaryMsMax: number;
  /** Called after every thousand messages or so. */
  readonly note?: (report: BarrageReport) => void;
}

export interface BarrageReport {
  readonly messageCount: number;
  readonly connectionCount: number;
  /** Connections that the other side ended. */
  readonly closedCount: number;
  readonly canaryMsMax: number;
}

/**
 * Hostile connections, some at a time; a canary has to be served after every thousand messages. What the n-th
 * connection says depends on the seed and n only.
 * @throws Error naming the seed when the server is gone or the canary is not served in time.
 */
export async function barrage(options: BarrageOptions): Promise<BarrageReport> {
  const { seed, messageCount, talk, sing, canaryMsMax, note } = options;
  const report = { messageCount: 0, connectionCount: 0, closedCount: 0, canaryMsMax: 0 };
  const listen = async (): Promise<void> => {
    const songMs = await sing();
    report.canaryMsMax = Math.max(report.canaryMsMax, songMs);
    if (songMs > canaryMsMax) throw new Error(`the canary took ${songMs.toFixed(0)} ms`);
    note?.(report);
  };
  let singing = Promise.resolve();
  let nextCanary = CANARY_EVERY;
  const worker = async (): Promise<void> => {
    while (report.messageCount < messageCount) {
      const random = seededPrng(seed * 1_000_003 + report.connectionCount++);
      const { sent, isEnded } = await talk(random);
      report.messageCount += sent;
      if (isEnded) report.closedCount++;
      if (report.messageCount >= nextCanary) {
        nextCanary += CANARY_EVERY;
        singing = singing.then(listen);
      }
      await singing;
    }
  };
  try {
    await Promise.all(Array.from({ length: options.connectionsAtOnce }, worker));
  } catch (error) {
    const where = `seed ${seed}, connection ${report.connectionCount}`;
    throw new Error(`${where}: ${String(error)}`, { cause: error });
  }
  return report;
}

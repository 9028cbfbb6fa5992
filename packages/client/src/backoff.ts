import type { Clock, Prng } from '@millrace/base';
import { isRetriableError } from './client-error.ts';

/** How long to wait between tries. Durations in ms. */
export interface BackoffOptions {
  readonly clock: Clock;
  readonly random: Prng;
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
}

const JITTER = 0.2;

/** The wait before try number `attempt` (1 = first retry): exponential, capped, ±20 % (KIP-580). */
export function backoffMs(options: BackoffOptions, attempt: number): number {
  const grown = options.retryBackoffMs * 2 ** Math.min(attempt - 1, 30);
  const capped = Math.min(grown, options.retryBackoffMaxMs);
  return capped * (1 - JITTER + 2 * JITTER * options.random.float());
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = () => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimer(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Runs `attempt` until it succeeds, fails for good, or `timeoutMs` have passed; then the last error is thrown. */
export async function retrying<T>(
  options: BackoffOptions,
  timeoutMs: number,
  attempt: () => Promise<T>,
): Promise<T> {
  const deadline = options.clock.monotonicMs() + timeoutMs;
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      const wait = backoffMs(options, failures);
      if (!isRetriableError(error)) throw error;
      if (options.clock.monotonicMs() + wait >= deadline) throw error;
      await sleep(options.clock, wait);
    }
  }
}

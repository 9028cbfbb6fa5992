import { type Clock, type Prng, systemClock, systemRandom } from '@millrace/base';

/** What the SDK takes from the platform around it; tests hand in another. */
export interface Environment {
  readonly clock: Clock;
  readonly random: Prng;
  /** Calls `listener` when the network came back or the page became visible. Returns how to stop that. */
  onWake(listener: () => void): () => void;
}

interface EventSource {
  addEventListener?(event: string, listener: () => void): void;
  removeEventListener?(event: string, listener: () => void): void;
}

/** The browser or Node itself. Node has neither of the two events. */
export const systemEnvironment: Environment = {
  clock: systemClock,
  random: systemRandom,
  onWake(listener) {
    const page = globalThis as EventSource;
    const { document } = globalThis as {
      readonly document?: EventSource & { readonly visibilityState: string };
    };
    const visible = (): void => {
      if (document?.visibilityState === 'visible') listener();
    };
    page.addEventListener?.('online', listener);
    document?.addEventListener?.('visibilitychange', visible);
    return () => {
      page.removeEventListener?.('online', listener);
      document?.removeEventListener?.('visibilitychange', visible);
    };
  },
};

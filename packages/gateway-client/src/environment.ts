import { type Clock, type Prng, systemClock } from '@millrace/base';

/** As much of chance as the SDK needs; the whole of it is too large for a page. */
export type Chance = Pick<Prng, 'float' | 'fill'>;

/** What the SDK takes from the platform around it; tests hand in another. */
export interface Environment {
  readonly clock: Clock;
  readonly random: Chance;
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
  random: {
    float: () => (crypto.getRandomValues(new Uint32Array(1))[0] as number) / 2 ** 32,
    fill: (target) => void crypto.getRandomValues(target as Uint8Array<ArrayBuffer>),
  },
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

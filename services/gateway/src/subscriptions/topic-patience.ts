import type { Clock } from '@millrace/base';
import type { Upstream, UpstreamTopic } from '../upstream-contract.ts';

/**
 * A topic that is away for this long is gone: a moment without it may be a cluster that starts, or the time between delete
 * and create. Running streams and clients that come back get the same.
 */
export const TOPIC_GONE_AFTER_MS = 3000;

/** The topic as soon as it is there; null when it stays away for `waitMs`. */
export function topicWithin(
  upstream: Upstream,
  clock: Clock,
  name: string,
  waitMs: number,
): Promise<UpstreamTopic | null> {
  return new Promise((resolve) => {
    const settle = (topic: UpstreamTopic | null): void => {
      unwatch();
      timer.cancel();
      resolve(topic);
    };
    const timer = clock.setTimer(waitMs, () => settle(null));
    const unwatch = upstream.watchTopic(name, (topic) => {
      if (topic !== null) settle(topic);
    });
    // It may have come just before the watch began.
    void upstream.topic(name, Infinity).then(
      (topic) => topic !== null && settle(topic),
      () => undefined,
    );
  });
}

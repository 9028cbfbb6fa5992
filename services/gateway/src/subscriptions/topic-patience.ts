import type { Clock } from '@millrace/base';
import type { Upstream, UpstreamTopic } from '../upstream-contract.ts';

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

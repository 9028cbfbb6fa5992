// The first of two gateways shuts down under a broadcast: its clients move to the second one by one.
import { Trend } from 'k6/metrics';
import { subscribers } from '../lib/gateway-client.js';
import { mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { thresholds } from '../lib/metrics.js';

const SPREAD_SECONDS = Number(__ENV.SPREAD_SECONDS);
/** Attempts of a user in one second, as a share of the sockets it would move in a second of an even spread. */
const attempts = new Trend('gw_attempts_share');

export const options = {
  scenarios: { drain: users(scaled(2000), 'drain') },
  thresholds: thresholds({ gw_attempts_share: ['max<=2'], gw_resume_exact: ['rate==1'] }),
};

export function drain() {
  const count = mySockets();
  const perSecond = new Map();
  subscribers(count, SECONDS, () => ({
    ...{ topic: TOPIC, reconnect: URLS, retryMs: 1 },
    onClose: () => {
      const second = Math.floor(Date.now() / 1000);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    },
  }));
  setTimeout(
    () => {
      for (const moved of perSecond.values()) attempts.add(moved / (count / SPREAD_SECONDS));
    },
    SECONDS * 1000 - 100,
  );
}

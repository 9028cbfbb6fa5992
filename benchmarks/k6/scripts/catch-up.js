// 200 sockets read the whole topic while 1,000 stay at its end.
import { Rate } from 'k6/metrics';
import { subscribers } from '../lib/gateway-client.js';
import { isSampled, mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { thresholds } from '../lib/metrics.js';

const EARLIEST = 1;
const caughtUp = new Rate('gw_caught_up');

export const options = {
  scenarios: {
    live: users(scaled(1000), 'live'),
    behind: users(scaled(200), 'behind'),
  },
  // 1.5 times what the broadcast may take.
  thresholds: thresholds({ gw_e2e_ms: ['p(99)<75'], gw_caught_up: ['rate==1'] }),
};

export function live() {
  const make = (index) => ({ url: URLS[0], topic: TOPIC, decode: isSampled(index) });
  subscribers(mySockets(), SECONDS, make);
}

export function behind() {
  const there = new Set();
  const count = mySockets();
  subscribers(count, SECONDS, (index) => ({
    ...{ url: URLS[0], topic: TOPIC, subscribe: { start: EARLIEST } },
    ...{ decode: isSampled(index), measure: false },
    onFrame: (frame) => frame.kind === 'caughtUp' && there.add(index),
  }));
  setTimeout(() => {
    for (let index = 0; index < count; index++) caughtUp.add(there.has(index));
  }, SECONDS * 1000);
}

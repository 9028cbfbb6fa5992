// 2,000 sockets on one topic of 20 records a second of 200 bytes.
import { subscribers } from '../lib/gateway-client.js';
import { isSampled, mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { thresholds } from '../lib/metrics.js';

export const options = {
  scenarios: { broadcast: users(scaled(2000), 'broadcast') },
  thresholds: thresholds({ gw_e2e_ms: ['p(99)<50'] }),
};

export function broadcast() {
  const make = (index) => ({ url: URLS[0], topic: TOPIC, decode: isSampled(index) });
  subscribers(mySockets(), SECONDS, make);
}

// The broadcast over the JSON subprotocol.
import { subscribers } from '../lib/gateway-client.js';
import { isSampled, mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { thresholds } from '../lib/metrics.js';

export const options = {
  scenarios: { json: users(scaled(2000), 'json') },
  thresholds: thresholds({ gw_e2e_ms: ['p(99)<60'] }),
};

export function json() {
  const make = (index) => ({ url: URLS[0], topic: TOPIC, json: true, decode: isSampled(index) });
  subscribers(mySockets(), SECONDS, make);
}

// 0 → 5,000 sockets in two thirds of the time, then hold.
import { subscribers } from '../lib/gateway-client.js';
import { isSampled, mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { badCloses, thresholds } from '../lib/metrics.js';

export const options = {
  scenarios: { ramp: users(scaled(5000), 'ramp') },
  thresholds: thresholds({ ws_connecting: ['p(95)<250'], gw_bad_close: ['count==0'] }),
};

export function ramp() {
  const onClose = () => badCloses.add(1);
  const make = (index) => ({ url: URLS[0], topic: TOPIC, decode: isSampled(index), onClose });
  subscribers(mySockets(), SECONDS, make, (2 * SECONDS) / 3);
}

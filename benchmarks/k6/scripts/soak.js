// 2,000 sockets for hours; the runner watches the gateway's memory.
import { subscribers } from '../lib/gateway-client.js';
import { isSampled, mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { badCloses, thresholds } from '../lib/metrics.js';

export const options = {
  scenarios: { soak: users(scaled(2000), 'soak') },
  thresholds: thresholds({ gw_bad_close: ['count==0'] }),
};

export function soak() {
  const onClose = () => badCloses.add(1);
  const make = (index) => ({ url: URLS[0], topic: TOPIC, decode: isSampled(index), onClose });
  subscribers(mySockets(), SECONDS, make);
}

// 4,500 sockets, each with a filter on one of 450 keys; 10,000 records a second.
import { Counter } from 'k6/metrics';
import { text } from '../lib/frames.js';
import { keyFilter, subscribers } from '../lib/gateway-client.js';
import { isSampled, keyName, mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { thresholds } from '../lib/metrics.js';

const foreign = new Counter('gw_foreign');

export const options = {
  scenarios: { keyed: users(scaled(4500), 'keyed') },
  thresholds: thresholds({ gw_e2e_ms: ['p(99)<15'], gw_foreign: ['count==0'] }),
};

export function keyed() {
  const keys = scaled(450);
  subscribers(mySockets(), SECONDS, (index) => {
    const key = keyName((index * 7) % keys);
    const onRecord = (_offset, got) => foreign.add(text(got) === key ? 0 : 1);
    const subscribe = { filter: keyFilter(key) };
    return { url: URLS[0], topic: TOPIC, subscribe, onRecord, decode: isSampled(index) };
  });
}

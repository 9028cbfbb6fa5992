// Of 2,000 sockets three in twenty withhold their credit; the others must not notice and nobody is closed. A k6 socket
// cannot stop reading: that is the row `stopped` of the native generator.
import { subscribers } from '../lib/gateway-client.js';
import { isSampled, mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { badCloses, thresholds } from '../lib/metrics.js';

const FIREHOSE = __ENV.FIREHOSE;
const SMALL_WINDOW = 65_536;

export const options = {
  scenarios: {
    others: users(scaled(1700), 'others'),
    withholding: users(scaled(300), 'withholding'),
  },
  // 1.2 times what the broadcast may take.
  thresholds: thresholds({ gw_e2e_ms: ['p(99)<60'], gw_bad_close: ['count==0'] }),
};

const onClose = () => badCloses.add(1);

export function others() {
  const make = (index) => ({ url: URLS[0], topic: TOPIC, decode: isSampled(index), onClose });
  subscribers(mySockets(), SECONDS, make);
}

export function withholding() {
  const some = { topic: FIREHOSE, credit: false, decode: false, window: SMALL_WINDOW };
  subscribers(mySockets(), SECONDS, () => ({ url: URLS[0], ...some, onClose }));
}

// Of 2,000 sockets one in ten withholds its credit and one in twenty stops reading; the others must not notice.
import { sleep } from 'k6';
import { Rate } from 'k6/metrics';
import { GatewayClient, subscribers } from '../lib/gateway-client.js';
import { isSampled, mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { badCloses, thresholds } from '../lib/metrics.js';

const FIREHOSE = __ENV.FIREHOSE;
/** Too large to be used up before the socket is full. */
const LARGE_WINDOW = 8 << 20;
const stalled = new Rate('gw_stalled');

export const options = {
  scenarios: {
    others: users(scaled(1700), 'others'),
    withholding: users(scaled(200), 'withholding'),
    stopped: users(scaled(100), 'stopped'),
  },
  // 1.2 times what the broadcast may take.
  thresholds: thresholds({
    gw_e2e_ms: ['p(99)<60'],
    gw_bad_close: ['count==0'],
    gw_stalled: ['rate==1'],
  }),
};

const onClose = () => badCloses.add(1);

export function others() {
  const make = (index) => ({ url: URLS[0], topic: TOPIC, decode: isSampled(index), onClose });
  subscribers(mySockets(), SECONDS, make);
}

export function withholding() {
  const some = { topic: FIREHOSE, credit: false, decode: false, window: 65_536 };
  subscribers(mySockets(), SECONDS, () => ({ url: URLS[0], ...some, onClose }));
}

/** While this user sleeps nothing of its sockets is read. */
export function stopped() {
  const count = mySockets();
  let ready = 0;
  let ended = 0;
  for (let index = 0; index < count; index++) {
    new GatewayClient({
      ...{ url: URLS[0], topic: FIREHOSE, credit: false, decode: false, window: LARGE_WINDOW },
      onReady: () => {
        ready++;
        if (ready === count) setTimeout(() => sleep(SECONDS - 5), 0);
      },
      // The reason of the end may be lost behind what was not read.
      onClose: (code) => {
        stalled.add(code === 4008 || code === 1006);
        ended++;
      },
    });
  }
  setTimeout(() => {
    for (; ended < count; ended++) stalled.add(false);
  }, SECONDS * 1000);
}

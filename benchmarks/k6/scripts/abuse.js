// 500 good sockets beside clients that do everything wrong, 10,000 handshakes a second of them if k6 can; the native
// generator's row `abuse` reaches that rate.
import { Rate } from 'k6/metrics';
import { WebSocket } from 'k6/websockets';
import { subscribers } from '../lib/gateway-client.js';
import { mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { thresholds } from '../lib/metrics.js';

const TURN_MS = 50;
const BAD_FRAME = 4501;
const HELLO_TIMEOUT = 4502;
const [URL] = URLS;
const ORIGIN = URL.replace(/^ws/, 'http').replace(/\/v1.*/, '');
const rejected = new Rate('gw_rejected');

export const options = {
  scenarios: {
    good: users(scaled(500), 'good'),
    bad: { ...users(1, 'bad'), env: { HANDSHAKES: String(scaled(10_000)) } },
  },
  // Twice what the broadcast may take.
  thresholds: thresholds({ gw_e2e_ms: ['p(99)<100'], gw_rejected: ['rate==1'] }),
};

export function good() {
  subscribers(mySockets(), SECONDS, () => ({ url: URL, topic: TOPIC }));
}

export function bad() {
  const perTurn = Math.max(1, Math.round((Number(__ENV.HANDSHAKES) * TURN_MS) / 1000));
  let turns = 0;
  const timer = setInterval(() => {
    for (let index = 0; index < perTurn; index++) foreignOrigin();
    if (turns++ % 20 === 0) {
      closesWith(BAD_FRAME, new Uint8Array(64).fill(0xa5).buffer);
      closesWith(HELLO_TIMEOUT, null);
    }
  }, TURN_MS);
  setTimeout(() => clearInterval(timer), (SECONDS - 8) * 1000);
}

/** What k6 says when the answer to the handshake was a status other than 101; not of a gateway that is down or silent. */
const REFUSED = 'bad handshake';

/** Must be answered, and not get through the handshake. That all were refused for their origin is looked at afterwards. */
function foreignOrigin() {
  const headers = { Origin: 'http://evil.example' };
  const socket = new WebSocket(URL, ['millrace.v1.fb'], { headers });
  let isOver = false;
  const end = (isRejected) => {
    if (!isOver) rejected.add(isRejected);
    isOver = true;
  };
  socket.addEventListener('open', () => {
    end(false);
    socket.close();
  });
  socket.addEventListener('error', (event) => end(String(event.error).includes(REFUSED)));
}

/** Gets through the handshake, says `first` and must be closed with `code`. */
function closesWith(code, first) {
  const socket = new WebSocket(URL, ['millrace.v1.fb'], { headers: { Origin: ORIGIN } });
  socket.addEventListener('open', () => first !== null && socket.send(first));
  socket.addEventListener('error', () => undefined);
  socket.addEventListener('close', (event) => rejected.add(event.code === code));
}

// 500 sockets publish 10,000 records a second, acknowledged by all replicas, while the gateway is killed once. What
// was not answered is sent again with `retry`; the runner looks for duplicates in the log afterwards.
import { Counter } from 'k6/metrics';
import { bytesOf } from '../lib/frames.js';
import { GatewayClient } from '../lib/gateway-client.js';
import { isFull, mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { publishOk, thresholds } from '../lib/metrics.js';

const PUBLISH = 1;
const PER_SOCKET_AND_SECOND = 20;
const UNKNOWN_OUTCOME = 131;
/** Below the window that Welcome gives. */
const IN_FLIGHT_MAX = 32;
const unknown = new Counter('gw_pub_unknown');

// What is in flight at the kill is a larger share of a short run.
export const options = {
  scenarios: { publish: users(scaled(500), 'publish') },
  thresholds: thresholds({ gw_pub_ok: [isFull ? 'rate>0.999' : 'rate>0.99'] }),
};

export function publish() {
  const publishers = Array.from({ length: mySockets() }, (_, index) => publisher(index));
  setTimeout(
    () => {
      for (const { stop } of publishers) stop();
    },
    (SECONDS - 3) * 1000,
  );
  setTimeout(() => {
    for (const { client } of publishers) client.close();
  }, SECONDS * 1000);
}

function publisher(index) {
  const name = `${__VU}-${index}`;
  const producerSession = new Uint8Array(16).map(() => Math.floor(Math.random() * 256));
  /** Sequence number → frame that was not answered yet. */
  const open = new Map();
  let isReady = false;
  let seq = 0;
  const client = new GatewayClient({
    ...{ caps: PUBLISH, producerSession, reconnect: URLS },
    onReady: () => {
      isReady = true;
      for (const frame of open.values()) client.send({ ...frame, retry: 1 });
    },
    onClose: () => {
      isReady = false;
    },
    onFrame: (frame) => {
      if (frame.kind !== 'pubResult') return;
      open.delete(frame.seq);
      publishOk.add(frame.code === 0);
      if (frame.code === UNKNOWN_OUTCOME) {
        unknown.add(1);
        console.log(`unknown outcome: ${name} ${frame.seq}`);
      }
    },
  });
  const timer = setInterval(() => {
    if (!isReady || open.size >= IN_FLIGHT_MAX) return;
    seq++;
    const value = bytesOf(`${name} ${seq}`);
    const frame = { kind: 'publish', seq, topic: TOPIC, partition: 0, value };
    open.set(seq, frame);
    client.send(frame);
  }, 1000 / PER_SOCKET_AND_SECOND);
  return { client, stop: () => clearInterval(timer) };
}

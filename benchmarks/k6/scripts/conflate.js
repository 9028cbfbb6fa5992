// 500 readers at a hundredth of the speed with CONFLATE_KEY: what they see is fresh, and the last value of each key
// is right. The runner ends the load with one record of each key that says `final`. One reader in twenty is looked into:
// all records of all readers are more than k6 can decode.
import { Rate, Trend } from 'k6/metrics';
import { text } from '../lib/frames.js';
import { STAMP_LENGTH, subscribers } from '../lib/gateway-client.js';
import { isSampled, mySockets, SECONDS, scaled, TOPIC, URLS, users } from '../lib/load.js';
import { thresholds } from '../lib/metrics.js';

const CONFLATE_KEY = 2;
/** Bit of `caps`. */
const CAN_CONFLATE = 4;
const WINDOW_BYTES = 65_536;
const TURNS_PER_SECOND = 10;
/** Share of the time in which records surely come: what is not followed by another is old, but not stale. */
const FED_SHARE = 0.6;
/** A hundredth of what the runner produces: 1.2 records a second for each key, about 130 bytes packed. */
const bytesPerTurn = (keys) => Math.ceil((0.01 * 1.2 * 130 * keys) / TURNS_PER_SECOND);
const staleMs = new Trend('gw_stale_ms', true);
const finals = new Rate('gw_final');

export const options = {
  scenarios: { conflate: users(scaled(500), 'conflate') },
  thresholds: thresholds({ gw_stale_ms: ['p(99)<1000'], gw_final: ['rate==1'] }),
};

export function conflate() {
  const keys = scaled(10_000);
  const fedUntil = Date.now() + SECONDS * 1000 * FED_SHARE;
  const seen = [];
  const clients = subscribers(mySockets(), SECONDS, (index) => {
    const done = new Set();
    if (isSampled(index)) seen.push(done);
    return {
      decode: isSampled(index),
      ...{ url: URLS[0], topic: TOPIC, credit: false, window: WINDOW_BYTES, measure: false },
      caps: CAN_CONFLATE,
      subscribe: { policy: CONFLATE_KEY },
      onRecord: (_offset, key, value, timestamp) => {
        const said = text(value.subarray(0, STAMP_LENGTH + 6));
        if (said.endsWith('final')) done.add(text(key));
        else if (timestamp < fedUntil) staleMs.add(timestamp - Number(said.slice(0, STAMP_LENGTH)));
      },
    };
  });
  const turn = setInterval(() => {
    for (const client of clients) client.give(bytesPerTurn(keys));
  }, 1000 / TURNS_PER_SECOND);
  // At the end they read as fast as they can.
  setTimeout(() => {
    clearInterval(turn);
    for (const client of clients) client.give(8 << 20);
  }, SECONDS * 800);
  setTimeout(
    () => {
      for (const done of seen) finals.add(done.size === keys);
    },
    SECONDS * 1000 - 100,
  );
}

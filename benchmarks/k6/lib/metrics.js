// The custom metrics that every script shares.
import { Counter, Rate, Trend } from 'k6/metrics';

/** From the moment a record was produced until its message was there, ms. */
export const endToEndMs = new Trend('gw_e2e_ms', true);
export const records = new Counter('gw_records');
export const bytesReceived = new Counter('gw_bytes');
/** Frames that began behind, or before, the end of the one before them. */
export const lost = new Counter('gw_lost');
export const duplicates = new Counter('gw_dup');
/** Gaps that the gateway announced. */
export const gaps = new Counter('gw_gap');
/** A connection that was lost went on exactly where it had been. */
export const resumeExact = new Rate('gw_resume_exact');
export const publishOk = new Rate('gw_pub_ok');
/** Connections that ended otherwise than the script expects. */
export const badCloses = new Counter('gw_bad_close');

/** What every script promises, and what it adds. */
export function thresholds(more = {}) {
  return { gw_lost: [{ threshold: 'count==0', abortOnFail: true }], ...more };
}

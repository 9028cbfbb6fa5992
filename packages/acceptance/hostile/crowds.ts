import type { MillraceProcess } from '@millrace/testing';
import type { Canary } from './canary.ts';
import { Peer } from './peer.ts';
import { rssBytes } from './process-facts.ts';

const SONGS = 200;

export interface CrowdReport {
  readonly count: number;
  readonly bytesPerConnection: number;
  readonly medianBeforeMs: number;
  readonly medianWithMs: number;
  readonly p99BeforeMs: number;
  readonly p99WithMs: number;
}

/** What `count` connections that say nothing cost, and what an honest client notices of them. */
export async function idleCrowd(
  broker: MillraceProcess,
  canary: Canary,
  count: number,
): Promise<CrowdReport> {
  await canary.sings(SONGS);
  const alone = await canary.sings(SONGS);
  const before = rssBytes(broker.pid);
  const peers = await Peer.crowd(broker.port, count);
  const among = await canary.sings(SONGS);
  const bytesPerConnection = (rssBytes(broker.pid) - before) / count;
  for (const peer of peers) peer.close();
  return {
    count,
    bytesPerConnection,
    medianBeforeMs: alone.medianMs,
    medianWithMs: among.medianMs,
    p99BeforeMs: alone.p99Ms,
    p99WithMs: among.p99Ms,
  };
}

/**
 * R: it reads one partition as the gateway does, on the server's core, and tells how old each record was when its answer was
 * there. A line on standard input begins the measurement; its end ends it, with a report as JSON.
 *
 *   node bare-reader.ts BOOTSTRAP TOPIC
 */
import { decodeRead, PartitionReader } from '@millrace/client';
import { report } from './bare-report.ts';

/** As the gateway's. */
const FETCH_WAIT_MS = 100;
const [bootstrapServers = '', topic = ''] = process.argv.slice(2);
const agesNs: bigint[] = [];

const reader = new PartitionReader({ bootstrapServers, fetchMaxWaitMs: FETCH_WAIT_MS }, (read) => {
  const nowNs = process.hrtime.bigint();
  const { records, nextOffset, lastEpoch } = decodeRead(read);
  for (const { value } of records)
    if (value !== null) agesNs.push(nowNs - Buffer.from(value).readBigUInt64LE());
  reader.next(topic, 0, nextOffset, lastEpoch);
});
await reader.topics([topic]);
reader.read(topic, 0, 0);
process.stdout.write('reading\n');
for await (const _ of process.stdin) agesNs.length = 0;
process.stdout.write(`${JSON.stringify(report(agesNs))}\n`);
reader.close();

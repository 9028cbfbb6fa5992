import { Consumer } from '@millrace/client';

const QUIET_MS = 2_000;

/** Reads the whole topic: how many records, and how many values are there more than once. */
export async function duplicatesIn(
  bootstrapServers: string,
  topic: string,
): Promise<{ readonly records: number; readonly duplicates: number }> {
  const consumer = new Consumer({ bootstrapServers, autoOffsetReset: 'earliest' });
  consumer.assign([{ topic, partitions: [0] }]);
  const seen = new Set<string>();
  let records = 0;
  try {
    for (;;) {
      const got = await consumer.poll(QUIET_MS);
      if (got.length === 0) return { records, duplicates: records - seen.size };
      for (const { value } of got) seen.add(Buffer.from(value ?? []).toString());
      records += got.length;
    }
  } finally {
    await consumer.close();
  }
}

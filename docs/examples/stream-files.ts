/**
 * Streams the lines of a real file set through a broker and proves that what comes out is what went in.
 *
 *   node docs/examples/stream-files.ts [--bootstrap 127.0.0.1:9092] [--records 1000000] [FOLDER …]
 *
 * Every line becomes a record, keyed by its file, so that a file's lines stay in one partition and in order. A
 * group reads them back; per file, count and SHA-256 of the lines must be equal on both sides. The broker
 * may be killed and restarted meanwhile: the producer is idempotent and retries, the consumer goes on.
 */
import { createHash, type Hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Admin, Consumer, Producer } from '@millrace/client';

const FOLDERS = [
  '/usr/include',
  '/usr/share',
  '/var/lib/dpkg',
  '/var/lib/apt/lists',
  'node_modules',
];
const LINE_BYTES_MAX = 900_000;
const IN_FLIGHT = 5_000;
const PROGRESS_EVERY = 100_000;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bootstrap: { type: 'string', default: '127.0.0.1:9092' },
    records: { type: 'string', default: '1000000' },
    topic: { type: 'string', default: `files-${process.pid}` },
  },
});
const bootstrapServers = options.bootstrap;
const recordsWanted = Number(options.records);
const folders = positionals.length > 0 ? positionals : FOLDERS.filter((path) => existsSync(path));

/** What is known of one file's lines on one side. */
class Digest {
  lines = 0;
  readonly #hash: Hash = createHash('sha256');

  add(line: Uint8Array): void {
    this.lines++;
    this.#hash.update(line).update('\n');
  }

  finish(): string {
    return `${this.lines} ${this.#hash.digest('hex')}`;
  }
}

function digestOf(digests: Map<string, Digest>, file: string): Digest {
  const digest = digests.get(file) ?? new Digest();
  digests.set(file, digest);
  return digest;
}

/** Text files below a folder, without following links. */
function* textFiles(folder: string): Generator<{ path: string; content: Buffer }> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* textFiles(path);
    if (!entry.isFile()) continue;
    const content = readFileSync(path);
    if (content.length > 0 && !content.includes(0)) yield { path, content };
  }
}

function* lines(content: Buffer): Generator<Buffer> {
  for (let start = 0; start < content.length; ) {
    const end = content.indexOf(10, start);
    const line = content.subarray(start, end < 0 ? content.length : end);
    if (line.length <= LINE_BYTES_MAX) yield line;
    start = end < 0 ? content.length : end + 1;
  }
}

async function produce(sent: Map<string, Digest>): Promise<number> {
  const producer = new Producer({
    bootstrapServers,
    compressionType: 'lz4',
    lingerMs: 5,
    batchSize: 64 << 10,
  });
  const inFlight = new Set<Promise<unknown>>();
  let failure: Error | undefined;
  let count = 0;
  for (const folder of folders) {
    for (const { path, content } of textFiles(folder)) {
      for (const line of lines(content)) {
        if (count >= recordsWanted) break;
        digestOf(sent, path).add(line);
        const sending: Promise<unknown> = producer
          .send({ topic: options.topic, key: path, value: line })
          .then(
            () => inFlight.delete(sending),
            (error: Error) => {
              failure = error;
            },
          );
        inFlight.add(sending);
        if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
        if (failure !== undefined) throw failure;
        if (++count % PROGRESS_EVERY === 0) console.log(`produced ${count}`);
      }
    }
  }
  await producer.close();
  if (failure !== undefined) throw failure;
  return count;
}

async function consume(expected: number): Promise<Map<string, Digest>> {
  const received = new Map<string, Digest>();
  const next = new Map<number, number>();
  const decoder = new TextDecoder();
  const consumer = new Consumer({
    bootstrapServers,
    groupId: `${options.topic}-readers`,
    autoOffsetReset: 'earliest',
    maxPollRecords: 5_000,
  });
  consumer.subscribe([options.topic]);
  let count = 0;
  while (count < expected) {
    for (const { partition, offset, key, value } of await consumer.poll(1_000)) {
      // After a rebalance a group goes on from its last commit: what was read already comes again.
      if (offset < (next.get(partition) ?? 0)) continue;
      next.set(partition, offset + 1);
      digestOf(received, decoder.decode(key ?? undefined)).add(value ?? new Uint8Array());
      if (++count % PROGRESS_EVERY === 0) console.log(`consumed ${count}`);
    }
  }
  await consumer.close();
  return received;
}

const admin = new Admin({ bootstrapServers });
await admin.createTopics([{ name: options.topic, partitionCount: 4 }]);
const sent = new Map<string, Digest>();
const since = performance.now();
const count = await produce(sent);
console.log(`produced ${count} records from ${sent.size} files`);
const received = await consume(count);
const seconds = (performance.now() - since) / 1000;
const differing = [...sent].filter(
  ([file, digest]) => received.get(file)?.finish() !== digest.finish(),
);
console.log(`consumed ${count} records of ${received.size} files, ${seconds.toFixed(1)} s in all`);
if (differing.length > 0 || received.size !== sent.size) {
  console.error(`NOT EQUAL: ${differing.length} files differ, the first is ${differing[0]?.[0]}`);
  process.exitCode = 1;
} else console.log('equal: count and SHA-256 of every file');
await admin.deleteTopics([options.topic]);
admin.close();

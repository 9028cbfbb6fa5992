/**
 * What the gateway's frames cost, in nanoseconds of processor time each, and per KB of the message.
 * `node --conditions=@millrace/source benchmarks/micro/gateway-protocol.bench.ts`
 */
import {
  clientLimits,
  encodeFrame,
  encodeJsonFrame,
  jsonRecords,
  PackedRecordsReader,
  PackedRecordsWriter,
  readJsonMessage,
  readMessage,
  recordsFrame,
  serverLimits,
} from '@millrace/gateway-protocol';

const ROUNDS = 7;
const ROUND_MS = 60;

let sink = 0;

/** Median over the rounds, in nanoseconds. */
function nanoseconds(turn: () => number): number {
  let turns = 1;
  for (;;) {
    if (time(turn, turns) > ROUND_MS) break;
    turns *= 2;
  }
  const rounds = Array.from({ length: ROUNDS }, () => (time(turn, turns) * 1e6) / turns);
  rounds.sort((a, b) => a - b);
  return rounds[ROUNDS >> 1] ?? 0;
}

/** Processor time in milliseconds. */
function time(turn: () => number, turns: number): number {
  const started = process.cpuUsage();
  for (let i = 0; i < turns; i++) sink ^= turn();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}

const key = new TextEncoder().encode('customer-000042');
const value = new TextEncoder().encode(
  '{"side":"buy","price":1234.5,"quantity":10}'.padEnd(124, ' '),
);

function block(count: number): Uint8Array {
  const writer = new PackedRecordsWriter(0);
  for (let i = 0; i < count; i++) writer.append(i, i, key, value);
  return writer.finish();
}

const header = (count: number, rawSize: number) => ({
  stream: 7,
  count,
  fromOffset: 1e12,
  nextOffset: 1e12 + count,
  highWatermark: 1e12 + count,
  baseTimestamp: 1.7e12,
  leaderEpoch: 3,
  flags: 0,
  part: 0,
  parts: 1,
  codec: 0,
  rawSize,
});

const publish = {
  kind: 'publish',
  seq: 1n,
  topic: 'orders',
  key,
  value,
  headers: [{ name: 'trace', value: key }],
} as const;
const filter = [{ op: 1, arity: 0, name: null, values: Array.from({ length: 100 }, () => key) }];
const subscribe = { kind: 'subscribe', req: 1, sub: 1, topic: 'orders', filter } as const;

const messages: Record<string, Uint8Array> = {
  credit: encodeFrame({ kind: 'credit', sub: 1, add: 65_536 }),
  'publish, 124 B': encodeFrame(publish),
  'publish, 8 KiB': encodeFrame({ ...publish, value: new Uint8Array(8192) }),
  'subscribe, 100 keys': encodeFrame(subscribe),
};
const texts: Record<string, Uint8Array> = {
  'publish, 124 B': new TextEncoder().encode(encodeJsonFrame(publish)),
  'subscribe, 100 keys': new TextEncoder().encode(encodeJsonFrame(subscribe)),
};

const cases: { name: string; bytes: number; turn: () => number }[] = [];
for (const count of [1, 8, 100]) {
  const payload = block(count);
  const fields = header(count, payload.length);
  const frame = recordsFrame(fields, payload);
  const writer = new PackedRecordsWriter(0);
  const noun = `${count} record${count > 1 ? 's' : ''}`;
  cases.push(
    {
      name: `pack ${noun}`,
      bytes: payload.length,
      turn: () => {
        writer.reset(0);
        for (let i = 0; i < count; i++) writer.append(i, i, key, value);
        return writer.bytes;
      },
    },
    {
      name: `frame of ${noun}`,
      bytes: frame.length,
      turn: () => recordsFrame(fields, payload).length,
    },
    {
      name: `text of ${noun}`,
      bytes: payload.length,
      turn: () => jsonRecords(fields, payload).length,
    },
    {
      name: `verify and read ${noun}`,
      bytes: frame.length,
      turn: () => {
        const reading = readMessage(frame, 'toClient', serverLimits);
        const records = reading.ok ? reading.frames[0] : undefined;
        if (records?.kind !== 'records' || records.payload === null) throw new Error('not read');
        const reader = new PackedRecordsReader(records.payload, fields);
        while (reader.next()) sink ^= reader.offset;
        return records.count;
      },
    },
  );
}
for (const [name, message] of Object.entries(messages)) {
  const turn = () => (readMessage(message, 'toServer', clientLimits).ok ? 1 : 0);
  cases.push({ name: `verify and read ${name}`, bytes: message.length, turn });
}
cases.push({
  name: 'build publish, 124 B',
  bytes: (messages['publish, 124 B'] as Uint8Array).length,
  turn: () => encodeFrame(publish).length,
});
for (const [name, text] of Object.entries(texts)) {
  const turn = () => (readJsonMessage(text, 'toServer', clientLimits).ok ? 1 : 0);
  cases.push({ name: `read JSON ${name}`, bytes: text.length, turn });
}

for (const { name, bytes, turn } of cases) {
  const cost = nanoseconds(turn);
  const perKb = (cost * 1024) / bytes / 1000;
  process.stdout.write(
    `${name.padEnd(36)}${String(bytes).padStart(7)} B ${cost.toFixed(0).padStart(8)} ns ${perKb.toFixed(2).padStart(7)} µs/KB\n`,
  );
}
process.exitCode = Number.isInteger(sink) ? 0 : 1;

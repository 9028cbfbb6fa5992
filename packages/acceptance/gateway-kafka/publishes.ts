// C35: what is published, as a Kafka consumer reads it.
import assert from 'node:assert/strict';
import { Acks, PackedRecordsWriter } from '@millrace/gateway-protocol';
import { connect } from './listener.ts';
import { newTopic, type Stage } from './stage.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const PRINCIPAL = ['x-gw-principal', 'anonymous'] as const;

async function content(stage: Stage, isText: boolean): Promise<void> {
  const topic = await newTopic(stage, 'published');
  const client = await connect(stage.gateway.port, isText);
  const times = Date.now() - 60_000;
  const headers = [
    { name: 'shown', value: bytes('1') },
    { name: 'null', value: null },
    { name: 'shown', value: bytes('again') },
    { name: 'x-gw-principal', value: bytes('somebody else') },
    { name: '__internal', value: bytes('no') },
    { name: 'Authorization', value: bytes('no') },
    { name: 'cookie', value: bytes('no') },
  ];
  const publish = { kind: 'publish', topic, timestampMs: BigInt(times) } as const;
  client.send({ ...publish, seq: 1n, key: bytes('k'), value: bytes('first'), headers });
  client.send({ ...publish, seq: 2n, key: null, value: bytes('no key') });
  client.send({ ...publish, seq: 3n, key: bytes('gone'), value: null, acks: Acks.ALL });
  client.send({ ...publish, seq: 4n, key: bytes(''), value: bytes('') });
  const writer = new PackedRecordsWriter(times);
  for (let i = 0; i < 3; i++) writer.append(i, times + i, null, bytes(`batch ${i}`), [], false);
  const batch = { count: 3, payload: writer.finish(), baseTimestampMs: BigInt(times) };
  client.send({ kind: 'publishBatch', topic, firstSeq: 5n, partition: 0, ...batch });
  for (let n = 0; n < 20; n++)
    client.send({ ...publish, seq: BigInt(8 + n), partition: 0, value: bytes(`row ${n}`) });
  const results = new Map<number, { code: number; offset: number; count: number }>();
  while (results.size < 25) {
    const { seq, code, baseOffset, count } = await client.take('pubResult');
    results.set(Number(seq), { code, offset: Number(baseOffset), count });
  }
  client.socket.close();
  for (const [seq, { code, offset }] of results) {
    assert.equal(code, 0, `publish ${seq}`);
    assert.equal(offset, seq - 1, `the offset of publish ${seq}`);
  }
  assert.equal(results.get(5)?.count, 3);
  const log = await stage.oracle.read(topic);
  const expected = [
    ['k', 'first', [['shown', '1'], ['null', null], ['shown', 'again'], PRINCIPAL]],
    [null, 'no key', [PRINCIPAL]],
    ['gone', null, [PRINCIPAL]],
    ['', '', [PRINCIPAL]],
    ...[0, 1, 2].map((i) => [null, `batch ${i}`, [PRINCIPAL]]),
    ...Array.from({ length: 20 }, (_, n) => [null, `row ${n}`, [PRINCIPAL]]),
  ];
  assert.deepEqual(
    log.map(({ key, value, headers: all }) => [key, value, all]),
    expected,
  );
  assert.deepEqual(
    log.map(({ timestampMs }) => timestampMs - times),
    [0, 0, 0, 0, 0, 1, 2, ...Array.from({ length: 20 }, () => 0)],
  );
}

export const publishChecks = {
  'C35: what is published, as a Kafka consumer reads it, binary and JSON': async (stage: Stage) => {
    await content(stage, false);
    await content(stage, true);
  },
};

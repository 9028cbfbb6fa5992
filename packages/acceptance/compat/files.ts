// What Apache Kafka reads of our files, and what we read of its.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { ApacheKafka, eventually, runKafkaTool, tempFolder } from '@millrace/testing';
import { CODECS, type WireRecord } from './client.ts';
import { kafkajs } from './clients/kafkajs.ts';
import { type ToolRoom, tool } from './tool-room.ts';
import { writeTransactions } from './transactions.ts';

const COMPLAINTS =
  /mismatch|non-consecutive|out of order|corrupt|isvalid: false|exception|is empty|error|could not/i;
/** It takes the first record of every segment but the first for a gap after offset -1. */
const HARMLESS = /^Non-consecutive offsets in .*\n\s+-1 is followed by \d+\n/gm;
const RECORD_BYTES = 300;

const numbered = (count: number, prefix: string): WireRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    key: `${prefix}-${i % 50}`,
    value: `${prefix}-${i}`,
    headers: [],
  }));

/** Several segments with their indexes, read while no broker holds them. */
export async function dumpLogSegments(room: ToolRoom): Promise<void> {
  const topic = `dump-${process.pid}`;
  const create = [
    '--create',
    '--topic',
    topic,
    '--partitions',
    '1',
    '--config',
    'segment.bytes=1048576',
  ];
  await tool(room, 'TopicCommand', [...create, '--config', 'index.interval.bytes=4096']);
  await tool(room, 'ProducerPerformance', [
    ...[
      '--topic',
      topic,
      '--num-records',
      '12000',
      '--record-size',
      String(RECORD_BYTES),
      '--throughput',
      '-1',
    ],
    ...['--command-property', 'batch.size=4096'],
  ]);
  await room.helper.produce(topic, numbered(300, 'gzip'), { codec: 'gzip' });
  await room.broker.pause();
  try {
    const folder = path.join(room.broker.dataFolder, `${topic}-0`);
    const files = readdirSync(folder).filter((name) => /\.(log|index|timeindex)$/.test(name));
    const logs = files.filter((name) => name.endsWith('.log'));
    assert.ok(logs.length >= 3, `three segments at least: ${files}`);
    const argv = [
      '--deep-iteration',
      '--files',
      files.map((name) => path.join(folder, name)).join(','),
    ];
    const { stdout, stderr } = await runKafkaTool('org.apache.kafka.tools.DumpLogSegments', argv);
    const said = `${stdout}${stderr}`.replaceAll(HARMLESS, '').split('\n');
    const first = said.findIndex((line) => COMPLAINTS.test(line));
    assert.deepEqual(first < 0 ? [] : said.slice(first, first + 3), []);
    assert.equal(stdout.match(/^\| offset: \d+/gm)?.length, 12_300);
    const sane = await runKafkaTool('org.apache.kafka.tools.DumpLogSegments', [
      '--index-sanity-check',
      ...argv.slice(1),
    ]);
    assert.equal(sane.stdout.match(/passed sanity check/g)?.length, logs.length * 2, sane.stdout);
  } finally {
    await room.broker.resume();
  }
}

/** A committed offset, read back from the internal topic as Apache Kafka would, and decoded from its segment. */
export async function offsetsFormatter(room: ToolRoom): Promise<void> {
  const [topic, group] = [`formatter-${process.pid}`, `formatter-group-${process.pid}`];
  await room.helper.createTopic(topic, 1);
  await room.helper.produce(topic, numbered(5, 'v'));
  const member = await room.helper.join(group, topic);
  await eventually('five records', 20_000, async () => (await member.consumed()).length === 5);
  await member.commit();
  await member.leave();
  const read = async (formatter: string): Promise<string> => {
    const argv = [
      '--topic',
      '__consumer_offsets',
      '--from-beginning',
      '--timeout-ms',
      '8000',
      '--formatter',
    ];
    return (
      await tool(room, 'consumer.ConsoleConsumer', [
        ...argv,
        `org.apache.kafka.tools.consumer.${formatter}`,
      ])
    ).stdout;
  };
  const offsets = await read('OffsetsMessageFormatter');
  const line = offsets.split('\n').find((one) => one.includes(group));
  assert.ok(line !== undefined, offsets.slice(-500));
  assert.match(line, /"offset":5/);
  assert.match(
    await read('GroupMetadataMessageFormatter'),
    new RegExp(`"group":"${group}".*"protocolType":"consumer"`),
  );
}

/** Topics with their ids, records in every codec, transactions and committed offsets, written by Apache Kafka. */
export async function kafkasData(room: ToolRoom): Promise<void> {
  const folder = tempFolder('kafkas-data');
  const topicOf = (codec: string): string => `codec-${codec}`;
  const kafka = await ApacheKafka.start({ dataFolder: path.join(folder.path, 'data') });
  let ids: string;
  try {
    const client = await kafkajs.open(kafka.bootstrap);
    for (const codec of CODECS) {
      await client.createTopic(topicOf(codec), 2);
      await client.produce(topicOf(codec), numbered(100, codec), { codec });
    }
    const member = await client.join('readers', topicOf('gzip'));
    await eventually(
      'all are consumed',
      30_000,
      async () => (await member.consumed()).length === 100,
    );
    await member.commit();
    await member.leave();
    await writeTransactions(kafka.bootstrap, 'transactions');
    ids = await topicIds(kafka.bootstrap);
    await client.close();
  } finally {
    await kafka.pause();
  }
  const ours = await room.open(kafka.dataFolder);
  try {
    assert.equal(await topicIds(ours.bootstrap), ids);
    const client = await kafkajs.open(ours.bootstrap);
    for (const codec of CODECS) {
      const back = await client.consume(topicOf(codec), 2, 100);
      const values = new Set(back.map(({ value }) => value));
      assert.deepEqual(values, new Set(numbered(100, codec).map(({ value }) => value)), codec);
    }
    const committed = await client.consume('transactions', 1, 20);
    assert.ok(
      committed.every(({ value }) => value?.startsWith('committed') === true),
      'aborted records stay hidden',
    );
    await client.produce(topicOf('gzip'), numbered(10, 'later'));
    const member = await client.join('readers', topicOf('gzip'));
    await eventually(
      'what is new arrives',
      30_000,
      async () => (await member.consumed()).length >= 10,
    );
    const values = (await member.consumed()).map(({ value }) => value).sort();
    assert.deepEqual(
      values,
      numbered(10, 'later')
        .map(({ value }) => value)
        .sort(),
    );
    await member.leave();
    await client.close();
  } finally {
    await ours.stop();
    await kafka.stop();
    folder.remove();
  }
}

async function topicIds(bootstrap: string): Promise<string> {
  const argv = ['--bootstrap-server', bootstrap, '--describe', '--exclude-internal'];
  const { stdout } = await runKafkaTool('org.apache.kafka.tools.TopicCommand', argv);
  const pairs = [...stdout.matchAll(/Topic: (\S+)\s+TopicId: (\S+)/g)].map(
    ([, name, id]) => `${name}=${id}`,
  );
  assert.ok(pairs.length > 0, stdout);
  return [...new Set(pairs)].sort().join(' ');
}

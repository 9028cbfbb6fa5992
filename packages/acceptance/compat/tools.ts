// Apache Kafka's own tools, one function each, against a running broker.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { adminAnswers } from './admin-answers/index.ts';
import { dumpLogSegments, kafkasData, offsetsFormatter } from './files.ts';
import { groupAnswers } from './group-answers/index.ts';
import { type ToolCheck, type ToolRoom, tool } from './tool-room.ts';

const topicNamed = (name: string): string => `tool-${name}-${process.pid}`;

async function topics(room: ToolRoom): Promise<void> {
  const topic = topicNamed('topics');
  const run = (...argv: string[]) => tool(room, 'TopicCommand', argv);
  const named = ['--topic', topic];
  const created = await run(
    '--create',
    ...named,
    '--partitions',
    '2',
    '--config',
    'retention.ms=60000',
  );
  assert.match(created.stdout, new RegExp(`Created topic ${topic}`));
  assert.match((await run('--list')).stdout, new RegExp(`^${topic}$`, 'm'));
  await run('--alter', ...named, '--partitions', '5');
  const { stdout } = await run('--describe', ...named);
  assert.match(stdout, /PartitionCount:\s*5/);
  assert.match(stdout, /retention\.ms=60000/);
  assert.equal(stdout.match(/Leader:\s*\d+/g)?.length, 5);
  await run('--delete', ...named);
  assert.doesNotMatch((await run('--list')).stdout, new RegExp(topic));
}

async function configs(room: ToolRoom): Promise<void> {
  const topic = topicNamed('configs');
  await room.helper.createTopic(topic, 1);
  const run = (...argv: string[]) =>
    tool(room, 'kafka.admin.ConfigCommand', [
      '--entity-type',
      'topics',
      '--entity-name',
      topic,
      ...argv,
    ]);
  await run('--alter', '--add-config', 'max.message.bytes=12345,cleanup.policy=[compact,delete]');
  const { stdout } = await run('--describe');
  assert.match(stdout, /max\.message\.bytes=12345/);
  assert.match(stdout, /cleanup\.policy=compact,delete/);
  await run('--alter', '--delete-config', 'max.message.bytes');
  assert.doesNotMatch((await run('--describe')).stdout, /max\.message\.bytes=12345/);
  assert.match((await run('--describe', '--all')).stdout, /segment\.bytes=1073741824/);
  const brokers = await tool(room, 'kafka.admin.ConfigCommand', [
    '--entity-type',
    'brokers',
    '--describe',
    '--all',
  ]);
  assert.match(brokers.stdout, /log\.retention/);
}

async function getOffsets(room: ToolRoom): Promise<void> {
  const topic = topicNamed('offsets');
  await room.helper.createTopic(topic, 1);
  await room.helper.produce(
    topic,
    Array.from({ length: 25 }, (_, i) => ({ key: 'k', value: `${i}`, headers: [] })),
  );
  const at = async (time: string): Promise<string> =>
    (await tool(room, 'GetOffsetShell', ['--topic', topic, '--time', time])).stdout.trim();
  assert.equal(await at('-1'), `${topic}:0:25`);
  assert.equal(await at('-2'), `${topic}:0:0`);
  assert.match(await at('-3'), new RegExp(`^${topic}:0:(0|24)$`));
  assert.equal(await at('1000'), `${topic}:0:0`);
}

async function consumerGroups(room: ToolRoom): Promise<void> {
  const [topic, group] = [topicNamed('groups'), topicNamed('group')];
  await room.helper.createTopic(topic, 1);
  const records = Array.from({ length: 10 }, (_, i) => ({ key: 'k', value: `${i}`, headers: [] }));
  await room.helper.produce(topic, records);
  const member = await room.helper.join(group, topic);
  while ((await member.consumed()).length < records.length)
    await new Promise((resolve) => setTimeout(resolve, 100));
  await member.commit();
  const run = (...argv: string[]) => tool(room, 'consumer.group.ConsumerGroupCommand', argv);
  assert.match((await run('--list')).stdout, new RegExp(`^${group}$`, 'm'));
  const lag = new RegExp(`${group}\\s+${topic}\\s+0\\s+10\\s+10\\s+0\\s+\\S+`);
  assert.match((await run('--describe', '--group', group)).stdout, lag);
  assert.match((await run('--describe', '--group', group, '--state')).stdout, /Stable/);
  assert.match((await run('--describe', '--group', group, '--members')).stdout, /kafkajs/);
  await member.leave();
  const reset = [
    '--reset-offsets',
    '--group',
    group,
    '--topic',
    topic,
    '--to-offset',
    '3',
    '--execute',
  ];
  assert.match((await run(...reset)).stdout, new RegExp(`${topic}\\s+0\\s+3`));
  assert.match(
    (await run('--describe', '--group', group)).stdout,
    new RegExp(`${topic}\\s+0\\s+3\\s+10\\s+7`),
  );
  await run('--delete-offsets', '--group', group, '--topic', topic);
  assert.match((await run('--delete', '--group', group)).stdout, /successful/);
  assert.doesNotMatch((await run('--list')).stdout, new RegExp(`^${group}$`, 'm'));
}

async function performance(room: ToolRoom): Promise<void> {
  const topic = topicNamed('perf');
  await room.helper.createTopic(topic, 4);
  const count = '50000';
  const sent = await tool(room, 'ProducerPerformance', [
    ...['--topic', topic, '--num-records', count, '--record-size', '500', '--throughput', '-1'],
    ...['--command-property', 'linger.ms=5', 'compression.type=lz4'],
  ]);
  assert.match(sent.stdout, /50000 records sent, .* records\/sec/);
  const read = await tool(room, 'ConsumerPerformance', [
    '--topic',
    topic,
    '--num-records',
    count,
    '--hide-header',
  ]);
  const columns = read.stdout.trim().split('\n').at(-1)?.split(',') ?? [];
  assert.ok(Number(columns[4]) >= Number(count), read.stdout);
}

async function verifiable(room: ToolRoom): Promise<void> {
  const topic = topicNamed('verifiable');
  await room.helper.createTopic(topic, 2);
  const count = '2000';
  const sent = await tool(room, 'VerifiableProducer', [
    '--topic',
    topic,
    '--max-messages',
    count,
    '--acks',
    '-1',
  ]);
  assert.match(sent.stdout, /"acked":2000/);
  const read = await tool(room, 'VerifiableConsumer', [
    ...['--topic', topic, '--max-messages', count, '--group-id', topicNamed('verifier')],
    ...['--reset-policy', 'earliest'],
  ]);
  const total = [
    ...read.stdout.matchAll(
      /"name":"records_consumed".*?"count":(\d+)|"count":(\d+).*?"name":"records_consumed"/g,
    ),
  ]
    .map(([, first, second]) => Number(first ?? second))
    .reduce((sum, one) => sum + one, 0);
  assert.equal(total, Number(count), read.stdout.slice(-500));
  assert.match(read.stdout, /"offsets_committed"/);
}

async function deleteRecords(room: ToolRoom): Promise<void> {
  const topic = topicNamed('trim');
  await room.helper.createTopic(topic, 1);
  await room.helper.produce(
    topic,
    Array.from({ length: 20 }, (_, i) => ({ key: 'k', value: `${i}`, headers: [] })),
  );
  const file = `${room.broker.dataFolder}/../delete-records-${process.pid}.json`;
  writeFileSync(
    file,
    JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, offset: 7 }] }),
  );
  try {
    const { stdout } = await tool(room, 'DeleteRecordsCommand', ['--offset-json-file', file]);
    assert.match(stdout, /low_watermark: 7/);
  } finally {
    rmSync(file);
  }
  const { stdout } = await tool(room, 'GetOffsetShell', ['--topic', topic, '--time', '-2']);
  assert.equal(stdout.trim(), `${topic}:0:7`);
}

async function logDirs(room: ToolRoom): Promise<void> {
  const topic = topicNamed('dirs');
  await room.helper.createTopic(topic, 1);
  await room.helper.produce(topic, [{ key: 'k', value: 'v', headers: [] }]);
  const { stdout } = await tool(room, 'LogDirsCommand', ['--describe', '--topic-list', topic]);
  assert.match(stdout, new RegExp(`"partition":"${topic}-0","size":[1-9]`));
}

async function apiVersions(room: ToolRoom): Promise<void> {
  const { stdout } = await tool(room, 'BrokerApiVersionsCommand', []);
  assert.match(stdout, /Produce\(0\): 0 to \d+ \[usable: \d+\]/);
  assert.match(stdout, /ApiVersions\(18\): 0 to \d+/);
}

/** Row of the table → what it does. */
export const TOOL_CHECKS: Readonly<Record<string, ToolCheck>> = {
  'kafka-topics': topics,
  'kafka-configs': configs,
  'kafka-get-offsets': getOffsets,
  'kafka-consumer-groups': consumerGroups,
  'kafka-producer-perf-test, kafka-consumer-perf-test': performance,
  'kafka-verifiable-producer, -consumer': verifiable,
  'kafka-delete-records': deleteRecords,
  'kafka-log-dirs': logDirs,
  'kafka-broker-api-versions': apiVersions,
  "group answers equal Apache Kafka's": groupAnswers,
  "admin answers equal Apache Kafka's": adminAnswers,
  'offsets formatter on __consumer_offsets': offsetsFormatter,
  'DumpLogSegments on segments and indexes': dumpLogSegments,
  "a data directory of Apache Kafka's opens": kafkasData,
};

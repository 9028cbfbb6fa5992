import assert from 'node:assert/strict';
import { Admin, ConfigResource, Consumer, Producer } from '@millrace/client';
import { eventually } from '@millrace/testing';
import { type Bench, type ClientCheck, pollUntil } from './bench.ts';

const WAIT_MS = 60_000;

async function topics(bench: Bench): Promise<void> {
  const admin = new Admin(bench);
  const { topic } = bench;
  await admin.createTopics([
    { name: topic, partitionCount: 2, configs: { 'retention.ms': '86400000' } },
  ]);
  await assert.rejects(admin.createTopics([{ name: topic }]), { codeName: 'TOPIC_ALREADY_EXISTS' });
  await assert.rejects(admin.createTopics([{ name: 'no spaces' }]), {
    codeName: 'INVALID_TOPIC_EXCEPTION',
  });
  assert.ok((await admin.listTopics()).some(({ name }) => name === topic));
  await admin.createPartitions(topic, 5);
  // Apache Kafka's metadata follows a moment later.
  await eventually('five partitions', WAIT_MS, async () => {
    const [described] = await admin.describeTopics([topic]);
    return described?.partitions.length === 5;
  });
  await assert.rejects(admin.createPartitions(topic, 3), { codeName: 'INVALID_PARTITIONS' });
  await admin.deleteTopics([topic]);
  await eventually('the topic is gone', WAIT_MS, async () => {
    const names = (await admin.listTopics()).map(({ name }) => name);
    return !names.includes(topic);
  });
  admin.close();
}

async function configs(bench: Bench): Promise<void> {
  const admin = new Admin(bench);
  const { topic } = bench;
  await admin.createTopics([{ name: topic, configs: { 'segment.bytes': '10485760' } }]);
  await admin.describeTopics([topic]);
  const value = async (name: string) =>
    (await admin.describeConfigs(ConfigResource.topic, topic)).get(name)?.value;
  // Apache Kafka's configs follow a moment later.
  const becomes = (name: string, expected: string) =>
    eventually(`${name} is ${expected}`, WAIT_MS, async () => (await value(name)) === expected);
  await becomes('segment.bytes', '10485760');
  await admin.alterConfigs(ConfigResource.topic, topic, { 'retention.ms': '1234567' });
  await becomes('retention.ms', '1234567');
  await bench.restart();
  await becomes('retention.ms', '1234567');
  await admin.alterConfigs(ConfigResource.topic, topic, { 'retention.ms': null });
  await becomes('retention.ms', '604800000');
  const wrong = admin.alterConfigs(ConfigResource.topic, topic, { 'retention.ms': 'soon' });
  await assert.rejects(wrong, { codeName: 'INVALID_CONFIG' });
  admin.close();
}

async function groups(bench: Bench): Promise<void> {
  const admin = new Admin(bench);
  const { topic } = bench;
  const groupId = `${topic}-group`;
  await admin.createTopics([{ name: topic, partitionCount: 1 }]);
  const producer = new Producer(bench);
  await producer.send({ topic, value: 'one' });
  await producer.close();
  const consumer = new Consumer({ ...bench, groupId, autoOffsetReset: 'earliest' });
  consumer.subscribe([topic]);
  await pollUntil(consumer, 1);
  assert.equal((await admin.describeGroup(groupId)).members.length, 1);
  await assert.rejects(admin.deleteGroup(groupId), { codeName: 'NON_EMPTY_GROUP' });
  await consumer.close();
  assert.ok((await admin.listGroups()).some((group) => group.groupId === groupId));
  await admin.deleteGroup(groupId);
  assert.ok(!(await admin.listGroups()).some((group) => group.groupId === groupId));
  admin.close();
}

export const adminChecks: Readonly<Record<string, ClientCheck>> = {
  'topics: create, grow, delete, refuse': topics,
  'configs: set, keep, reset, refuse': configs,
  'groups: list, describe, delete': groups,
};

import { BROKER_RESOURCE, type Interview, TOPIC_RESOURCE } from './interview.ts';

const Operation = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

/** Topic configs that one node of either kind has in force with the same value. */
const SHARED_TOPIC_CONFIGS = [
  'cleanup.policy',
  'compression.type',
  'delete.retention.ms',
  'file.delete.delay.ms',
  'flush.messages',
  'flush.ms',
  'index.interval.bytes',
  'max.compaction.lag.ms',
  'max.message.bytes',
  'message.timestamp.before.max.ms',
  'message.timestamp.type',
  'min.cleanable.dirty.ratio',
  'min.compaction.lag.ms',
  'preallocate',
  'retention.bytes',
  'retention.ms',
  'segment.bytes',
  'segment.index.bytes',
  'segment.jitter.ms',
  'segment.ms',
];

const SHARED_BROKER_CONFIGS = [
  'auto.create.topics.enable',
  'compression.type',
  'connections.max.idle.ms',
  'delete.topic.enable',
  'fetch.max.bytes',
  'log.cleaner.backoff.ms',
  'log.cleanup.policy',
  'log.flush.interval.messages',
  'log.retention.bytes',
  'log.retention.hours',
  'message.max.bytes',
  'num.partitions',
  'offset.metadata.max.bytes',
  'offsets.retention.minutes',
  'queued.max.requests',
  'socket.request.max.bytes',
];

/** Configs of topics and brokers: what is in force, and changes allowed and refused. */
export async function askConfigs(talk: Interview): Promise<void> {
  const topic = talk.name('-configs');
  await talk.create('for configs', [
    { name: topic, configs: [{ name: 'segment.bytes', value: '2000000' }] },
  ]);
  await talk.settle();
  await descriptions(talk, topic);
  await topicChanges(talk, topic);
  await brokerChanges(talk);
}

async function descriptions(talk: Interview, topic: string): Promise<void> {
  for (let version = 1; version <= 4; version++) {
    await talk.describeConfigs('topic', TOPIC_RESOURCE, topic, SHARED_TOPIC_CONFIGS, version);
  }
  await talk.describeConfigs('broker', BROKER_RESOURCE, '1', SHARED_BROKER_CONFIGS);
  await talk.describeConfigs('unknown names', TOPIC_RESOURCE, topic, ['foo']);
  await talk.describeConfigs('unknown topic', TOPIC_RESOURCE, talk.name('-nothing'), null);
  await talk.describeConfigs('no topic', TOPIC_RESOURCE, '', null);
  await talk.describeConfigs('bad topic', TOPIC_RESOURCE, 'a/b', null);
  await talk.describeConfigs('other broker', BROKER_RESOURCE, '7', null);
  await talk.describeConfigs('no number', BROKER_RESOURCE, 'x', null);
  // Of all, since KRaft keeps a min.insync.replicas here.
  await talk.describeConfigs('cluster', BROKER_RESOURCE, '', ['log.cleaner.backoff.ms']);
}

async function topicChanges(talk: Interview, topic: string): Promise<void> {
  const edit = (what: string, ...edits: [string, number, string | null][]) =>
    talk.edit(what, TOPIC_RESOURCE, topic, edits);
  const look = async (what: string) => {
    await talk.settle();
    const names = ['cleanup.policy', 'retention.ms'];
    await talk.describeConfigs(what, TOPIC_RESOURCE, topic, names);
  };
  await edit('set', ['retention.ms', Operation.set, '5000']);
  await edit('append', ['cleanup.policy', Operation.append, 'compact']);
  await look('after append');
  await edit('append again', ['cleanup.policy', Operation.append, 'compact']);
  await edit('subtract', ['cleanup.policy', Operation.subtract, 'delete']);
  await look('after subtract');
  await edit('delete', ['cleanup.policy', Operation.delete, null]);
  await edit('delete what is not set', ['segment.ms', Operation.delete, null]);
  await look('after delete');
  await edit('append to a number', ['retention.ms', Operation.append, '1']);
  await edit('unknown', ['foo', Operation.set, '1']);
  await edit('bad value', ['retention.ms', Operation.set, 'x']);
  await edit('too low', ['retention.ms', Operation.set, '-2']);
  await edit('null', ['retention.ms', Operation.set, null]);
  await edit('twice', ['retention.ms', Operation.set, '1'], ['retention.ms', Operation.set, '2']);
  await talk.edit('checked', TOPIC_RESOURCE, topic, [['retention.ms', 0, '1']], true);
  await talk.edit('unknown topic', TOPIC_RESOURCE, talk.name('-nothing'), [
    ['retention.ms', 0, '1'],
  ]);
  await talk.alter('replace', TOPIC_RESOURCE, topic, [['retention.bytes', '9']]);
  await look('after replace');
  await talk.alter('unknown', TOPIC_RESOURCE, topic, [['foo', '9']]);
  await talk.alter('null', TOPIC_RESOURCE, topic, [['retention.ms', null]]);
  await talk.alter('unknown topic', TOPIC_RESOURCE, talk.name('-nothing'), []);
}

async function brokerChanges(talk: Interview): Promise<void> {
  const edit = (what: string, name: string, ...edits: [string, number, string | null][]) =>
    talk.edit(what, BROKER_RESOURCE, name, edits);
  const look = async (what: string, name: string) => {
    await talk.settle();
    await talk.describeConfigs(what, BROKER_RESOURCE, name, ['log.cleaner.backoff.ms']);
  };
  await edit('cluster', '', ['log.cleaner.backoff.ms', Operation.set, '14000']);
  await look('cluster after', '');
  await look('broker after', '1');
  await edit('broker', '1', ['log.cleaner.backoff.ms', Operation.set, '13000']);
  await look('broker above cluster', '1');
  await edit('delete', '1', ['log.cleaner.backoff.ms', Operation.delete, null]);
  await edit('delete from cluster', '', ['log.cleaner.backoff.ms', Operation.delete, null]);
  await look('after delete', '1');
  await edit('bad value', '', ['log.cleaner.backoff.ms', Operation.set, 'x']);
  await edit('start-up only', '1', ['num.partitions', Operation.set, '2']);
  await edit('other broker', '7', ['log.cleaner.backoff.ms', Operation.set, '1']);
}

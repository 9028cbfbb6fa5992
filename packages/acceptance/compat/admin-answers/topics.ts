import type { Interview } from './interview.ts';

const NO_SUCH_ID = 'AAAAAAAAAAAAAAAAAAAABw';

/** Creation, growth, description and deletion, refused in every way that one node can refuse. */
export async function askTopics(talk: Interview): Promise<void> {
  await creations(talk);
  await refusals(talk);
  await growth(talk);
  await descriptions(talk);
  await deletions(talk);
}

async function creations(talk: Interview): Promise<void> {
  for (let version = 2; version <= 7; version++) {
    await talk.create('plain', [{ name: talk.name(`-v${version}`), numPartitions: 2 }], version);
  }
  const unsaid = { numPartitions: -1, replicationFactor: -1 };
  await talk.create('defaults', [{ name: talk.name('-defaults'), ...unsaid }]);
  const placed = [
    { partitionIndex: 0, brokerIds: [1] },
    { partitionIndex: 1, brokerIds: [1] },
  ];
  await talk.create('placed', [{ name: talk.name('-placed'), ...unsaid, assignments: placed }]);
  await talk.create('only checked', [{ name: talk.name('-checked') }], 7, true);
  await talk.create('only checked, refused', [{ name: talk.name('-v2') }], 7, true);
}

async function refusals(talk: Interview): Promise<void> {
  const refuse = (what: string, topic: Parameters<Interview['create']>[1][number]) =>
    talk.create(what, [{ name: talk.name('-refused'), ...topic }]);
  await refuse('taken', { name: talk.name('-v2') });
  await refuse('colliding', { name: talk.name('_v2').replaceAll('-', '.') });
  await talk.create('period', [{ name: talk.name('.p') }]);
  await refuse('colliding underscore', { name: talk.name('_p') });
  for (const name of ['', '.', '..', 'a/b', 'a b', 'ä', 'x'.repeat(250)]) {
    await refuse(`name of ${name.length} ${name.slice(0, 3)}`, { name });
  }
  for (const count of [0, -2]) {
    await refuse(`${count} partitions`, { numPartitions: count });
    await refuse(`${count} replicas`, { replicationFactor: count });
  }
  await refuse('two replicas', { replicationFactor: 2 });
  const config = (name: string, value: string | null) => ({ configs: [{ name, value }] });
  await refuse('unknown config', config('foo', '1'));
  await refuse('config not a number', config('retention.ms', 'x'));
  await refuse('config too low', config('retention.ms', '-2'));
  await refuse('config null', config('retention.ms', null));
  await refuse('config not in list', config('cleanup.policy', 'x'));
  const unsaid = { numPartitions: -1, replicationFactor: -1 };
  const placed = (...rows: [number, number[]][]) => ({
    assignments: rows.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds })),
  });
  await refuse('placed and counted', placed([0, [1]]));
  await refuse('placed elsewhere', { ...unsaid, ...placed([0, [7]]) });
  await refuse('placed twice on one', { ...unsaid, ...placed([0, [1, 1]]) });
  await refuse('placed nowhere', { ...unsaid, ...placed([0, []]) });
  await refuse('placed with a gap', { ...unsaid, ...placed([1, [1]]) });
  const name = talk.name('-twice');
  await talk.create('named twice', [{ name }, { name }, { name: talk.name('-once') }]);
}

async function growth(talk: Interview): Promise<void> {
  const name = talk.name('-v2');
  await talk.addPartitions('same', name, 2);
  await talk.addPartitions('fewer', name, 1);
  await talk.addPartitions('none', name, 0);
  await talk.addPartitions('negative', name, -1);
  await talk.addPartitions('of nothing', talk.name('-nothing'), 3);
  await talk.addPartitions('placed elsewhere', name, 3, [{ brokerIds: [7] }]);
  await talk.addPartitions('too many placed', name, 3, [{ brokerIds: [1] }, { brokerIds: [1] }]);
  await talk.addPartitions('placed', name, 3, [{ brokerIds: [1] }]);
  await talk.addPartitions('more', name, 5);
}

async function descriptions(talk: Interview): Promise<void> {
  await talk.settle();
  const name = talk.name('-v2');
  for (let version = 0; version <= 13; version++) {
    await talk.metadata('one', version, [{ name }]);
    if (version >= 4) {
      const others = [{ name: talk.name('-nothing') }, { name: 'a/b' }, { name: '' }];
      await talk.metadata('others', version, others);
    }
  }
  await talk.metadata('twice', 12, [{ name }, { name }]);
  await talk.metadata('no such id', 12, [{ name: null, topicId: NO_SUCH_ID }]);
  const names = [talk.name('-v3'), name, talk.name('-nothing'), 'a/b'];
  await talk.page('all', names, 2000);
  await talk.page('first page', names, 3);
  await talk.page('zero', names, 0);
  await talk.page('from a cursor', names, 3, { topicName: name, partitionIndex: 3 });
  await talk.page('from the end of one', names, 3, { topicName: name, partitionIndex: 5 });
  await talk.page('from between', names, 3, { topicName: `${name}-`, partitionIndex: 0 });
}

async function deletions(talk: Interview): Promise<void> {
  for (let version = 1; version <= 6; version++) {
    await talk.delete('nothing', [talk.name('-nothing'), 'a/b'], version);
  }
  await talk.delete('twice', [talk.name('-v3'), talk.name('-v3')], 5);
  await talk.delete('several', [talk.name('-v4'), talk.name('-v5')], 6);
  await talk.create('again', [{ name: talk.name('-v4') }]);
}

import { ManualClock } from '@millrace/base';
import { expect, test } from 'vitest';
import { TopicWatch } from './topic-watch.ts';
import type { UpstreamTopic } from './upstream-contract.ts';

function topic(id: number): UpstreamTopic {
  const topicId = new Uint8Array(16).fill(id);
  return { name: 't', topicId, topicIdText: `${id}`, isInternal: false, partitions: [] };
}

test('C14: an answer is as old as its asker allows', async () => {
  const clock = new ManualClock();
  let now = topic(1);
  const watch = new TopicWatch(clock, async () => new Map([['t', now]]));
  await watch.get('t');
  now = topic(2);
  await clock.advanceAsync(21, 1);
  expect(await watch.get('t')).toMatchObject({ topicIdText: '1' });
  expect(await watch.get('t', 20)).toMatchObject({ topicIdText: '2' });
  expect(await watch.get('t')).toMatchObject({ topicIdText: '2' });
  now = topic(3);
  expect(await watch.get('t', 0)).toMatchObject({ topicIdText: '3' });
  watch.close();
});

test('an answer that comes late does not bring the old topic back', async () => {
  const clock = new ManualClock();
  const answers: ((topic: UpstreamTopic) => void)[] = [];
  const watch = new TopicWatch(
    clock,
    () => new Promise((resolve) => answers.push((found) => resolve(new Map([['t', found]])))),
  );
  const first = watch.get('t');
  answers.shift()?.(topic(1));
  await first;
  const told: (string | undefined)[] = [];
  watch.watch('t', (found) => told.push(found?.topicIdText));
  await clock.advanceAsync(1000, 1000);
  const [polled] = answers.splice(0);
  await clock.advanceAsync(5, 1);
  const fresh = watch.get('t', 0);
  answers.shift()?.(topic(2));
  await fresh;
  polled?.(topic(1));
  await clock.advanceAsync(1, 1);
  expect(told).toEqual(['2']);
  expect(await watch.get('t')).toMatchObject({ topicIdText: '2' });
  watch.close();
});

test('a topic that the cluster can say nothing of keeps no other from being looked at', async () => {
  const clock = new ManualClock();
  const answers = new Map<string, UpstreamTopic | null>([
    ['t', topic(1)],
    ['odd', topic(7)],
  ]);
  const watch = new TopicWatch(clock, async () => new Map(answers));
  const told: string[] = [];
  for (const name of answers.keys()) {
    await watch.get(name);
    watch.watch(name, (found) => told.push(`${name} ${found?.topicIdText}`));
  }
  answers.delete('odd');
  answers.set('t', topic(2));
  await clock.advanceAsync(1000, 1000);
  expect(told).toEqual(['t 2']);
  await expect(watch.get('odd', 0)).rejects.toThrow('metadata of odd');
  answers.set('odd', null);
  await clock.advanceAsync(1000, 1000);
  expect(told).toEqual(['t 2', 'odd undefined']);
  watch.close();
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangeAssignor, roundRobinAssignor } from './assignors.ts';

const member = (memberId: string, topics: string[], instanceId: string | null = null) => ({
  memberId,
  instanceId,
  topics,
});

describe('assignors', () => {
  it('range gives consecutive partitions, the first members one more', () => {
    const members = [member('b', ['t', 'u']), member('a', ['t', 'u'])];
    const counts = new Map([
      ['t', 3],
      ['u', 2],
    ]);
    expect(rangeAssignor.assign(members, counts)).toEqual(
      new Map([
        [
          'a',
          [
            { topic: 't', partitions: [0, 1] },
            { topic: 'u', partitions: [0] },
          ],
        ],
        [
          'b',
          [
            { topic: 't', partitions: [2] },
            { topic: 'u', partitions: [1] },
          ],
        ],
      ]),
    );
  });

  it('static members come first, by instance id', () => {
    const members = [member('a', ['t']), member('z', ['t'], 'second'), member('y', ['t'], 'first')];
    const assigned = rangeAssignor.assign(members, new Map([['t', 2]]));
    expect([...assigned]).toEqual([
      ['y', [{ topic: 't', partitions: [0] }]],
      ['z', [{ topic: 't', partitions: [1] }]],
    ]);
  });

  it.each([rangeAssignor, roundRobinAssignor])(
    '$name gives every partition that somebody wants to exactly one who wants it',
    (assignor) => {
      const topics = ['t', 'u', 'v'];
      fc.assert(
        fc.property(
          fc.array(fc.subarray(topics), { minLength: 1, maxLength: 6 }),
          fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 3 }),
          (wishes, sizes) => {
            const members = wishes.map((wish, index) => member(`m${index}`, wish));
            const counts = new Map(topics.map((topic, index) => [topic, sizes[index] ?? 0]));
            const owners: string[] = [];
            for (const [memberId, given] of assignor.assign(members, counts)) {
              const wish = members.find((candidate) => candidate.memberId === memberId)?.topics;
              for (const { topic, partitions } of given) {
                expect(wish).toContain(topic);
                owners.push(...partitions.map((partition) => `${topic}-${partition}`));
              }
            }
            const wanted = topics
              .filter((topic) => wishes.some((wish) => wish.includes(topic)))
              .flatMap((topic) =>
                Array.from({ length: counts.get(topic) ?? 0 }, (_, index) => `${topic}-${index}`),
              );
            expect(owners.sort()).toEqual(wanted.sort());
          },
        ),
      );
    },
  );
});

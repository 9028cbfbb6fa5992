import { expect, test } from 'vitest';
import { FreshAnswers } from './fresh-answers.ts';

/** Questions that a test answers by hand; each answer says how many were sent by then. */
function bench() {
  const answers = new FreshAnswers<string>();
  const sent: PromiseWithResolvers<string>[] = [];
  const ask = (key = 'k') =>
    answers.get(key, () => {
      const question = Promise.withResolvers<string>();
      sent.push(question);
      return question.promise;
    });
  return { sent, ask };
}

/** Lets everything happen that waits for nothing. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('whoever comes while a question is on its way waits for the one that follows', async () => {
  const { sent, ask } = bench();
  const first = ask();
  const storm = Array.from({ length: 9000 }, () => ask());
  expect(sent).toHaveLength(1);
  sent[0]?.resolve('old');
  expect(await first).toBe('old');
  await settled();
  expect(sent).toHaveLength(2);
  const late = [ask(), ask()];
  sent[1]?.resolve('new');
  expect(new Set(await Promise.all(storm))).toEqual(new Set(['new']));
  await settled();
  expect(sent).toHaveLength(3);
  sent[2]?.resolve('newest');
  expect(await Promise.all(late)).toEqual(['newest', 'newest']);
});

test('an answer is good for nobody who comes after it, not even at once', async () => {
  const { sent, ask } = bench();
  const first = ask();
  sent[0]?.resolve('old');
  const second = first.then(() => ask());
  const third = ask();
  await settled();
  expect(sent).toHaveLength(2);
  sent[1]?.resolve('new');
  expect(await Promise.all([second, third])).toEqual(['new', 'new']);
  await settled();
  void ask();
  expect(sent).toHaveLength(3);
});

test('a failure reaches those who waited for it, and the next question is sent all the same', async () => {
  const { sent, ask } = bench();
  const first = ask();
  const second = ask();
  sent[0]?.reject(new Error('no leader'));
  await expect(first).rejects.toThrow('no leader');
  await settled();
  sent[1]?.reject(new Error('still none'));
  await expect(second).rejects.toThrow('still none');
  const third = ask();
  sent[2]?.resolve('here');
  expect(await third).toBe('here');
});

test('different questions do not wait for each other', async () => {
  const { sent, ask } = bench();
  const [a, b] = [ask('a'), ask('b')];
  expect(sent).toHaveLength(2);
  sent[1]?.resolve('b');
  expect(await b).toBe('b');
  sent[0]?.resolve('a');
  expect(await a).toBe('a');
});

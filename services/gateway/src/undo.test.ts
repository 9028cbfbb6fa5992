import { expect, test } from 'vitest';
import { Undo } from './undo.ts';

test('what was opened last is closed first, and a step that fails holds no other up', async () => {
  const undo = new Undo();
  const closed: string[] = [];
  undo.push(() => void closed.push('first'));
  undo.push(async () => {
    throw new Error('second');
  });
  undo.push(() => {
    throw new Error('third');
  });
  undo.push(() => void closed.push('fourth'));
  await expect(undo.run()).rejects.toThrow('third');
  expect(closed).toEqual(['fourth', 'first']);
  await undo.run();
  expect(closed).toHaveLength(2);
});

import { expect, test } from 'vitest';
import { loadAndFuzz } from '../../../../packages/gateway-protocol/fuzz/guided-program.ts';

const SECONDS_MAX = 120;

test('C06: messages and tokens led by coverage: no handler fails, nobody else notices', async () => {
  const load = async () => {
    const { sessionTargets } = await import('../../fuzz/session-target.ts');
    const { tokenTarget } = await import('../../fuzz/token-target.ts');
    return [...sessionTargets(), tokenTarget()];
  };
  const watched = '/services/gateway/src/';
  const result = await loadAndFuzz({ watched, load, seed: 1, inputs: 1_000, seconds: SECONDS_MAX });
  expect(result.pieces).toBeGreaterThan(result.piecesFirst);
  expect(result.files.get('hello.ts')).toBeGreaterThan(0.7);
});

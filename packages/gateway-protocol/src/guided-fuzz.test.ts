import { expect, test } from 'vitest';
import { loadAndFuzz } from '../fuzz/guided-program.ts';
import { mutateBytes } from '../fuzz/mutations.ts';

/** Where the time goes is not what is tested: the count of inputs ends it. */
const SECONDS_MAX = 120;

test('coverage leads to what chance alone would not find', async () => {
  const planted = async () => {
    const { planted: run } = await import('../fuzz/planted.ts');
    return [{ name: 'planted', seeds: [new Uint8Array(4)], mutate: mutateBytes, run }];
  };
  const options = { watched: 'fuzz/planted', load: planted, seed: 1, seconds: SECONDS_MAX };
  await expect(loadAndFuzz({ ...options, inputs: 2_000_000 })).rejects.toThrow(
    /planted: Error: found\s+6d696c6c/,
  );
});

test('C06: messages, filters, tokens and blocks led by coverage: nothing that must not be', async () => {
  const load = async () => (await import('../fuzz/targets.ts')).protocolTargets();
  const watched = '/packages/gateway-protocol/src/';
  const result = await loadAndFuzz({ watched, load, seed: 1, inputs: 3_000, seconds: SECONDS_MAX });
  expect(result.pieces).toBeGreaterThan(result.piecesFirst);
  for (const file of ['frame-verifier.ts', 'strict-json.ts', 'resume-token.ts'])
    expect(result.files.get(file), file).toBeGreaterThan(0.8);
});

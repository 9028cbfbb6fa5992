import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ManualClock, silentLogger } from '@millrace/base';
import { eventually, type TempFolder, tempFolder } from '@millrace/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseRevocations, RevocationFile } from './revocations.ts';

let folder: TempFolder;
let file: string;
beforeEach(() => {
  folder = tempFolder('revocations');
  file = path.join(folder.path, 'revoked.json');
});
afterEach(() => folder.remove());

const ann = { subject: 'ann', jti: 'j1', issuedAtMs: 5000 };

test('a token is revoked by its id, or by its subject and time', () => {
  writeFileSync(file, '[]');
  const list = (text: string) => {
    const { jtis, beforeMs } = parseRevocations(text);
    return [jtis.has('j1'), beforeMs.get('ann')];
  };
  expect(list('[{"jti":"j1"}]')).toEqual([true, undefined]);
  expect(list('[{"sub":"ann","before":9},{"sub":"ann","before":3}]')).toEqual([false, 9000]);
  for (const text of ['{}', '[{}]', '[{"sub":"ann"}]', '[7]', 'no']) {
    expect(() => parseRevocations(text)).toThrow();
  }
});

test('the file is read again; while it is broken or gone the old list holds', async () => {
  const clock = new ManualClock();
  const revocations = new RevocationFile(file, silentLogger);
  await expect(revocations.start(clock, 5000)).rejects.toThrow(/ENOENT/);
  writeFileSync(file, '[]');
  await revocations.start(clock, 5000);
  let changes = 0;
  revocations.onChange(() => changes++);
  const isRevoked = async (wanted: boolean) => {
    await eventually(`revoked: ${wanted}`, 60_000, () => {
      clock.advance(5000);
      return revocations.isRevoked(ann) === wanted || undefined;
    });
  };
  writeFileSync(file, '[{"sub":"ann","before":6}]');
  await isRevoked(true);
  writeFileSync(file, 'broken');
  clock.advance(5000);
  rmSync(file);
  clock.advance(5000);
  expect(revocations.isRevoked(ann)).toBe(true);
  writeFileSync(file, '[{"sub":"ann","before":4}]');
  await isRevoked(false);
  expect(changes).toBe(2);
  revocations.close();
});

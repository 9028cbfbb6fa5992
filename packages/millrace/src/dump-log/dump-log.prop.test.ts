import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tempFolder } from '@millrace/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecordingHost } from '../recording-host.ts';
import { runDumpLogCommand } from './dump-log-command.ts';

const testdata = (name: string) => readFileSync(new URL(`../../testdata/${name}`, import.meta.url));
const Z = '00000000000000000000';
const FILES = [
  ['orders-0', `${Z}.log`],
  ['orders-0', `${Z}.index`],
  ['orders-0', `${Z}.timeindex`],
  ['orders-0', '00000000000000000016.txnindex'],
  ['orders-0', '00000000000000000016.snapshot'],
  ['offsets', `${Z}.log`],
  ['transactions', `${Z}.log`],
  ['legacy', '00000000000000000040.log'],
] as const;

test('damaged files are dumped as far as they go, and never written to', () => {
  const temporary = tempFolder('dump-damage');
  const sound = path.join(temporary.path, `${Z}.log`);
  try {
    const patch = fc.tuple(fc.nat(), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...FILES),
        fc.array(patch, { maxLength: 8 }),
        fc.nat({ max: 60 }),
        fc.constantFrom('--print-data-log', '--offsets-decoder', '--transaction-log-decoder'),
        ([folder, name], patches, cut, option) => {
          const whole = testdata(`${folder}/${name}`);
          for (const [at, byte] of patches) whole[at % whole.length] = byte;
          const bytes = whole.subarray(0, Math.max(0, whole.length - cut));
          const file = path.join(temporary.path, name);
          writeFileSync(sound, testdata(`orders-0/${Z}.log`));
          writeFileSync(file, bytes);
          const host = new RecordingHost();
          runDumpLogCommand([option, '--files', file], host);
          expect(host.output).toMatch(/^Dumping /);
          expect(readFileSync(file)).toEqual(bytes);
        },
      ),
      { numRuns: 500 },
    );
  } finally {
    temporary.remove();
  }
});

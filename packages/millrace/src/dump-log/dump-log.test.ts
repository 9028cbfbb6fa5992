import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder } from '@millrace/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RecordingHost } from '../recording-host.ts';
import { runDumpLogCommand } from './dump-log-command.ts';

/**
 * The files of testdata come from Apache Kafka 4.3.1 (compat/DumpFixture.java), some damaged afterwards, and from
 * our own builder (`unusual`); `expected` is what Kafka's DumpLogSegments printed for them, run in that folder with
 * the same arguments. One of its complaints was left out: 4.3 finds "-1 is followed by 16" in every log that does
 * not start at offset 0.
 */
const TESTDATA = fileURLToPath(new URL('../../testdata', import.meta.url));
const Z = '00000000000000000000';
const S = '00000000000000000016';

let folder: string;
beforeEach(() => {
  folder = process.cwd();
  process.chdir(TESTDATA);
});
afterEach(() => process.chdir(folder));

function dump(...argv: string[]): { out: string; complaints: string[]; code: number } {
  const host = new RecordingHost();
  const code = runDumpLogCommand(argv, host);
  return { out: host.output, complaints: host.complaints, code };
}

function expectedFile(name: string): string {
  const file = path.join('expected', name);
  // Kafka's tool was run elsewhere: its messages name the files absolutely.
  return existsSync(file) ? readFileSync(file, 'utf8').replaceAll('/TESTDATA', TESTDATA) : '';
}

const both = `orders-0/${Z}.log,orders-0/${S}.log`;
const indexes = [
  `orders-0/${Z}.index`,
  `orders-0/${Z}.timeindex`,
  `orders-0/${S}.index`,
  `orders-0/${S}.timeindex`,
  `orders-0/${S}.txnindex`,
  `orders-0/${S}.snapshot`,
].join(',');

test.each<[string, ...string[]]>([
  ['log', '--files', `orders-0/${Z}.log`],
  ['log-deep', '--deep-iteration', '--files', both],
  ['log-print', '--print-data-log', '--files', both],
  ['log-skip-metadata', '--print-data-log', '--skip-record-metadata', '--files', both],
  ['log-max-bytes', '--max-bytes', '300', '--files', `orders-0/${Z}.log`],
  ['indexes', '--files', indexes],
  ['index-verify', '--verify-index-only', '--files', `orders-0/${Z}.index,orders-0/${Z}.timeindex`],
  [
    'index-sanity',
    '--index-sanity-check',
    '--files',
    `orders-0/${Z}.index,orders-0/${Z}.timeindex,active/${S}.index`,
  ],
  ['active', '--files', `active/${S}.index,active/${S}.timeindex`],
  ['offsets', '--offsets-decoder', '--files', `offsets/${Z}.log`],
  ['transactions', '--transaction-log-decoder', '--files', `transactions/${Z}.log`],
  ['mismatch', '--files', `mismatch/${Z}.index,mismatch/${Z}.timeindex`],
  [
    'mismatch-verify',
    '--verify-index-only',
    '--files',
    `mismatch/${Z}.index,mismatch/${Z}.timeindex`,
  ],
  ['not-found', '--files', `not-found/${Z}.timeindex`],
  ['corrupt', '--print-data-log', '--files', `corrupt/${Z}.log`],
  ['gap', '--deep-iteration', '--files', `gap/${Z}.log`],
  ['gap-shallow', '--files', `gap/${Z}.log`],
  ['legacy', '--print-data-log', '--files', `legacy/00000000000000000040.log`],
  ['legacy-shallow', '--files', `legacy/00000000000000000040.log`],
  ['empty', '--files', `empty/${Z}.log,empty/${Z}.index,empty/${Z}.timeindex,empty/${Z}.txnindex`],
  ['unusual', '--print-data-log', '--files', `unusual/${Z}.log`],
  [
    'unusual-long',
    '--value-decoder-class',
    'org.apache.kafka.tools.api.LongDecoder',
    '--key-decoder-class',
    'IntegerDecoder',
    '--max-bytes',
    '400',
    '--files',
    `orders-0/${Z}.log`,
  ],
  ['group-records', '--offsets-decoder', '--files', `group-records/${Z}.log`],
  ['unusual-offsets', '--offsets-decoder', '--files', `unusual-offsets/${Z}.log`],
])("%s: the same lines as Kafka's own tool", (name, ...argv) => {
  const { out, complaints, code } = dump(...argv);
  expect(out).toBe(expectedFile(`${name}.out`));
  expect(complaints.map((line) => `${line}\n`).join('')).toBe(expectedFile(`${name}.err`));
  expect(code).toBe(0);
});

test('a torn end is counted, and the reason given', () => {
  const { out, complaints } = dump('--files', `broken/${Z}.log`);
  expect(out).toBe(expectedFile('broken.out'));
  expect(complaints.join('\n')).toMatch(/At position 871: The batch is longer than the bytes/);
});

test('a body that cannot be read is named, and the batches behind it are still printed', () => {
  const temporary = tempFolder('dump-log');
  try {
    const file = path.join(temporary.path, `${Z}.log`);
    const bytes = readFileSync(`orders-0/${Z}.log`);
    bytes.fill(0xff, 261 + 61, 261 + 148);
    writeFileSync(file, bytes);
    const { out, complaints, code } = dump('--print-data-log', '--files', file);
    expect(out).toMatch(/baseOffset: 3 .* isvalid: false\nbaseOffset: 6 /);
    expect(complaints.join('\n')).toMatch(
      /At position 261: the batch of offset 3 cannot be read: gzip/,
    );
    expect(code).toBe(0);
  } finally {
    temporary.remove();
  }
});

test('a missing file does not keep the others from being dumped', () => {
  const { out, complaints, code } = dump('--files', `nowhere/${Z}.log,orders-0/${S}.index`);
  expect(out).toContain('offset: 20 position: 349');
  expect(complaints.join('\n')).toMatch(/ENOENT/);
  expect(code).toBe(1);
});

test('a file of no known kind is named', () => {
  const { complaints } = dump('--files', 'expected/log.out');
  expect(complaints).toEqual(['Ignoring unknown file expected/log.out']);
});

test('an index that fails its sanity check makes the exit code 1', () => {
  const temporary = tempFolder('dump-log');
  try {
    const file = path.join(temporary.path, `${S}.index`);
    writeFileSync(file, new Uint8Array(13));
    const { complaints, code } = dump('--index-sanity-check', '--files', file);
    expect(complaints.join('\n')).toContain('13 bytes is no multiple of 8');
    expect(code).toBe(1);
  } finally {
    temporary.remove();
  }
});

test.each([
  [[], '--files is missing'],
  [['--files', 'x', '--max-bytes', 'many'], '--max-bytes takes a number'],
  [['--files', 'x', '--value-decoder-class', 'com.Foo'], 'there is no decoder com.Foo'],
  [['--files', 'x', '--nonsense'], '--nonsense'],
])('%j is refused in a sentence', (argv, text) => {
  expect(() => dump(...argv)).toThrow(text);
});

test('--help prints the options', () => {
  expect(dump('--help').out).toContain('--deep-iteration');
});

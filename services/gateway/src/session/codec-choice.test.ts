import { createLogger, silentLogger } from '@millrace/base';
import { Codec } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { codecChooser } from './codec-choice.ts';

const config = { compressionTopics: ['open'], compressionCodecs: ['lz4', 'deflate-raw'] } as const;

test('the first codec that the client reads and the configuration offers, for its topics only', () => {
  const choose = codecChooser(config, silentLogger);
  expect(choose('open', [Codec.ZSTD, Codec.DEFLATE_RAW, Codec.LZ4])).toBe(Codec.DEFLATE_RAW);
  expect(choose('open', [Codec.ZSTD])).toBe(Codec.NONE);
  expect(choose('secret', [Codec.LZ4])).toBe(Codec.NONE);
});

test('C49: a codec whose module is missing is not offered, and a line says so', () => {
  const lines: string[] = [];
  const log = createLogger({ sink: (line) => void lines.push(line) });
  const choose = codecChooser(config, log, (name, bytes) => {
    if (name === 'lz4') throw new Error('Cannot find module');
    return bytes;
  });
  expect(choose('open', [Codec.LZ4, Codec.DEFLATE_RAW])).toBe(Codec.DEFLATE_RAW);
  expect(choose('open', [Codec.LZ4])).toBe(Codec.NONE);
  expect(lines.join()).toMatch(/a codec is not offered.*lz4/);
});

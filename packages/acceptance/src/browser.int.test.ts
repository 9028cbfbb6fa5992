// bytes, protocol and records in a browser bundle, run in a world that has no Node globals.
import path from 'node:path';
import vm from 'node:vm';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { ROOT } from './workspace.ts';

/** What a browser has and these packages may use. */
const WEB = { TextEncoder, TextDecoder, Uint8Array, DataView, ArrayBuffer, crypto };

async function inBrowser(source: string): Promise<unknown> {
  const { outputFiles } = await build({
    stdin: {
      contents: source,
      resolveDir: path.join(ROOT, 'packages', 'acceptance'),
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    conditions: ['@millrace/source'],
    nodePaths: [path.join(ROOT, 'node_modules')],
    logLevel: 'silent',
  });
  const context = vm.createContext({ ...WEB, result: undefined });
  vm.runInContext(outputFiles[0]?.text ?? '', context);
  return context.result;
}

test('bytes reads what it wrote', async () => {
  const result = await inBrowser(`
    import { crc32c, Reader, Writer } from '@millrace/bytes';
    const writer = new Writer();
    writer.int32(-7);
    writer.compactString('grüße');
    const flat = writer.finishBytes();
    const reader = new Reader(flat, 0, flat.length);
    result = [reader.int32(), reader.compactString(), crc32c(new TextEncoder().encode('123456789')) >>> 0];
  `);
  expect(Array.from(result as unknown[])).toEqual([-7, 'grüße', 0xe3069283]);
});

test('protocol decodes what it encoded', async () => {
  const result = await inBrowser(`
    import { Reader, Writer } from '@millrace/bytes';
    import { metadataApi } from '@millrace/protocol';
    const writer = new Writer();
    const request = { topics: [{ name: 'orders' }], allowAutoTopicCreation: true };
    metadataApi.encodeRequest(writer, request, 9);
    const flat = writer.finishBytes();
    result = metadataApi.decodeRequest(new Reader(flat, 0, flat.length), 9).topics[0].name;
  `);
  expect(result).toBe('orders');
});

test('records reads the batch it built', async () => {
  const result = await inBrowser(`
    import { BatchBuilder, readRecords } from '@millrace/records';
    const text = new TextEncoder();
    const builder = new BatchBuilder();
    builder.append({ timestampMs: 1000, key: text.encode('k'), value: text.encode('v'), headers: [] });
    const batch = builder.build();
    result = [...readRecords(batch)].map((record) => new TextDecoder().decode(record.value)).join();
  `);
  expect(result).toBe('v');
});

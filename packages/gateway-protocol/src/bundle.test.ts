import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

/** Bundles a browser module that uses these exports; returns its code. */
async function bundled(names: string): Promise<string> {
  const result = await build({
    stdin: {
      contents: `import { ${names} } from './index.ts'; console.log(${names});`,
      resolveDir: import.meta.dirname,
      loader: 'ts',
    },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['@millrace/source'],
  });
  return result.outputFiles[0]?.text ?? '';
}

test('a browser bundle takes along what it uses and little more', async () => {
  const gzip = (code: string) => gzipSync(code).length;
  const codes = await bundled('CloseCode');
  expect(gzip(codes)).toBeLessThan(500);
  const tokens = await bundled('encodeResumeToken');
  expect(gzip(tokens)).toBeLessThan(1_500);
  const binary = await bundled('encodeFrame, readMessage, PackedRecordsReader');
  expect(gzip(binary)).toBeLessThan(8_500);
  const client = await bundled(
    'encodeFrame, readMessage, encodeJsonFrame, readJsonMessage, PackedRecordsReader, PackedRecordsWriter, ' +
      'encodeResumeToken, filterToNodes, canonicalFilter, CloseCode, ErrorCode',
  );
  expect(gzip(client)).toBeLessThan(14_500);
  // The server's half stays behind.
  expect(client).not.toContain('"oversize"');
});

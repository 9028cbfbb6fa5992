/**
 * Writes src/generated, src/index.ts and docs/reference/protocol.md from the schema tables.
 * `node scripts/generate.ts` writes what changed; with `--check` it writes nothing and fails when a
 * file is not what the tables say.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apis, messageFiles } from '../schemas/index.ts';
import { emitDocs } from './emit-docs.ts';
import { emitApi, emitIndex, emitMessages, emitRegistry, type OutputFile } from './emit-files.ts';
import { apiModel, messageModel } from './model.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What src/index.ts exports of the files written by hand. */
const byHand: readonly OutputFile[] = [
  handWritten('src/api-codec.ts', [], ['ApiCodec', 'ApiSpec']),
  handWritten('src/error-versions.ts', ['errorForVersion'], []),
  handWritten(
    'src/errors.ts',
    ['ErrorCode', 'errorName', 'isRetriable', 'wireError', 'wireErrors'],
    ['Retry', 'WireError'],
  ),
  handWritten(
    'src/headers.ts',
    [
      'apiSpec',
      'decodeRequestHeader',
      'decodeResponseHeader',
      'encodeRequestHeader',
      'encodeResponseHeader',
      'requestHeaderVersion',
      'responseHeaderVersion',
    ],
    ['RequestHeader'],
  ),
];

function handWritten(path: string, values: string[], types: string[]): OutputFile {
  return { path, text: '', values, types };
}

/** All files that follow from the tables. */
function outputs(): OutputFile[] {
  const models = apis.map(apiModel);
  const files = models.map((model) => {
    const kebab = model.name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();
    const name = `${String(model.key).padStart(2, '0')}-${kebab}.ts`;
    return emitApi(model, `schemas/${name}`, name);
  });
  for (const { file, messages } of messageFiles) {
    files.push(emitMessages(messages.map(messageModel), `schemas/${file}`, file));
  }
  files.push(emitRegistry(models, 'schemas'));
  const messages = messageFiles.flatMap((entry) => entry.messages);
  return [...files, emitIndex(files, byHand, 'schemas'), emitDocs(apis, messages)];
}

function run(check: boolean): number {
  const files = outputs();
  const stale: string[] = [];
  for (const { path, text } of files) {
    const place = join(root, path);
    if (existsSync(place) && readFileSync(place, 'utf8') === text) continue;
    stale.push(path);
    if (check) continue;
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text);
  }
  const wanted = new Set(files.map(({ path }) => path));
  for (const name of readdirSync(join(root, 'src/generated'))) {
    const path = `src/generated/${name}`;
    if (wanted.has(path)) continue;
    stale.push(path);
    if (!check) rmSync(join(root, path));
  }
  if (stale.length === 0) return 0;
  const verb = check ? 'out of date' : 'written';
  process.stdout.write(stale.map((path) => `${verb}: packages/protocol/${path}\n`).join(''));
  return check ? 1 : 0;
}

process.exitCode = run(process.argv.includes('--check'));

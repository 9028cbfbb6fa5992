// Every package as a stranger gets it: packed, installed in an empty project, imported, type-checked.
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Child, freePort, runProgram, type TempFolder, tempFolder } from '@millrace/testing';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publicPackages, ROOT, withOurDependencies } from './workspace.ts';

const INSTALL_TIMEOUT_MS = 300_000;
/** Tests, what they share, and what tools leave. */
const ONLY_FOR_US =
  /\.test[.-]|\/(testing|contract|testdata|fuzz|golden)\/|\.tsbuildinfo|node_modules/;
/** Lines of a stranger whose types have to be found, for whom a missing one would be `any` otherwise. */
const USES: Readonly<Record<string, string>> = {
  '@millrace/gateway-client': `
    // @ts-expect-error: a filter has no such operation
    export const filter: it.Filter = { like: 'x' };
    // @ts-expect-error: a clock does more
    export const environment: it.Environment['clock'] = { nowMs: () => 0 };
    export const client = new it.GatewayClient({ url: 'wss://host/v1/ws', WebSocket });
  `,
};
const BIN = path.join(ROOT, 'node_modules', '.bin');

const all = publicPackages();
const tarballs = new Map<string, string>();
let folder: TempFolder;

beforeAll(async () => {
  folder = tempFolder('pack');
  const workspaces = all.map(({ manifest }) => `--workspace=${manifest.name}`);
  const argv = [
    'pack',
    '--json',
    '--ignore-scripts',
    `--pack-destination=${folder.path}`,
    ...workspaces,
  ];
  const { stdout } = await runProgram('npm', argv, { cwd: ROOT, timeoutMs: INSTALL_TIMEOUT_MS });
  for (const { name, filename } of packedOf(stdout))
    tarballs.set(name, path.join(folder.path, filename));
}, INSTALL_TIMEOUT_MS);

afterAll(() => folder.remove());

interface Packed {
  readonly name: string;
  readonly filename: string;
}

/** npm prints a list, or since npm 11.6 an object keyed by name. */
function packedOf(stdout: string): Packed[] {
  const parsed = JSON.parse(stdout) as Packed[] | Record<string, Packed>;
  return Array.isArray(parsed) ? parsed : Object.values(parsed);
}

function tarballOf(name: string): string {
  const tarball = tarballs.get(name);
  if (tarball === undefined) throw new Error(`${name} was not packed`);
  return tarball;
}

describe.each(all.map((one) => [one.manifest.name, one] as const))('%s', (name, one) => {
  test('holds what it should and nothing else', async () => {
    expect(one.manifest.scripts).not.toHaveProperty('postinstall');
    expect(one.manifest.scripts).not.toHaveProperty('install');
    expect(one.manifest.scripts).not.toHaveProperty('preinstall');
    const { stdout } = await runProgram('tar', ['-tzf', tarballOf(name)]);
    const files = stdout.trim().split('\n');
    expect(files).toContain('package/README.md');
    expect(files).toContain('package/dist/index.js');
    expect(files).toContain('package/dist/index.d.ts');
    expect(files).toContain('package/src/index.ts');
    expect(files.filter((file) => ONLY_FOR_US.test(file))).toEqual([]);
    // Its files hold all they need, and its types name no other package: installed alone, it is imported and type-checks below.
    if (name === '@millrace/gateway-client')
      expect(withOurDependencies(name, all).map(({ manifest }) => manifest.name)).toEqual([name]);
  });

  test('publint and arethetypeswrong have nothing against it', async () => {
    const tarball = readFileSync(tarballOf(name));
    const { messages } = await publint({
      pack: {
        tarball: tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.length),
      },
      level: 'warning',
      strict: true,
    });
    expect(messages).toEqual([]);
    const attw = await runProgram(
      path.join(BIN, 'attw'),
      ['--profile', 'esm-only', '--format', 'table-flipped', tarballOf(name)],
      {
        anyCode: true,
      },
    );
    expect(attw.code, attw.stdout).toBe(0);
  });

  test(
    'installs into an empty project, is imported there and type-checks',
    async () => {
      const project = path.join(folder.path, 'projects', name.replaceAll('/', '-'));
      mkdirSync(path.join(project, 'node_modules', '@types'), { recursive: true });
      const needed = withOurDependencies(name, all).map(({ manifest }) => manifest.name);
      writeJson(path.join(project, 'package.json'), {
        name: 'stranger',
        private: true,
        type: 'module',
        dependencies: Object.fromEntries(needed.map((each) => [each, `file:${tarballOf(each)}`])),
      });
      const install = [
        'install',
        '--prefer-offline',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
      ];
      await runProgram('npm', install, { cwd: project, timeoutMs: INSTALL_TIMEOUT_MS });
      const names = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(name)}))))`;
      const imported = await runProgram(process.execPath, ['--input-type=module', '-e', names], {
        cwd: project,
      });
      expect((JSON.parse(imported.stdout) as string[]).length).toBeGreaterThan(0);
      await typeCheck(project, name);
      if (name === 'millrace') await expectBrokerRuns(project);
    },
    2 * INSTALL_TIMEOUT_MS,
  );
});

async function expectBrokerRuns(project: string): Promise<void> {
  const port = await freePort();
  const overrides = [
    `listeners=PLAINTEXT://127.0.0.1:${port}`,
    `log.dirs=${project}/data`,
    'millrace.metrics.listener=127.0.0.1:0',
  ];
  const argv = ['broker', ...overrides.flatMap((override) => ['--override', override])];
  const broker = new Child(path.join(project, 'node_modules', '.bin', 'millrace'), argv, {
    cwd: project,
    lifeline: true,
  });
  try {
    await broker.saying(new RegExp(`listening on .*:${port}`), 60_000);
    expect((await broker.stop()).code).toBe(0);
  } finally {
    await broker.kill();
  }
}

async function typeCheck(project: string, name: string): Promise<void> {
  const types = path.join(project, 'node_modules', '@types');
  mkdirSync(types, { recursive: true });
  if (!existsSync(path.join(types, 'node'))) {
    symlinkSync(path.join(ROOT, 'node_modules', '@types', 'node'), path.join(types, 'node'));
    const undici = path.join(project, 'node_modules', 'undici-types');
    if (!existsSync(undici)) symlinkSync(path.join(ROOT, 'node_modules', 'undici-types'), undici);
  }
  writeFileSync(
    path.join(project, 'stranger.ts'),
    `import * as it from '${name}';\nexport const names: string[] = Object.keys(it);\n${USES[name] ?? ''}`,
  );
  writeJson(path.join(project, 'tsconfig.json'), {
    compilerOptions: {
      target: 'es2024',
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: false,
      types: ['node'],
    },
    files: ['stranger.ts'],
  });
  const tsc = await runProgram(path.join(BIN, 'tsc'), ['-p', project], { anyCode: true });
  expect(tsc.code, tsc.stdout).toBe(0);
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(file, JSON.stringify(value));
}

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MissingTool, runProgram } from '@millrace/testing';
import type { LineProgram } from './line-client.ts';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const VENV = path.resolve(HERE, '../../../.cache/compat-python');
const INSTALL_TIMEOUT_MS = 300_000;
/** The clients, and the codecs that kafka-python leaves to its users. */
const FROM_PYPI = ['kafka-python', 'confluent-kafka', 'python-snappy', 'lz4', 'zstandard'];

/** A program of `programs/` under this Node. */
export function nodeProgram(file: string): LineProgram {
  return { command: process.execPath, argv: [path.join(HERE, 'programs', file)] };
}

/** A program of `programs/` under a Python. */
export function pythonProgram(python: string, file: string): LineProgram {
  return { command: python, argv: ['-u', path.join(HERE, 'programs', file)] };
}

/**
 * Debian's own Python, once it has `module`.
 *
 * @throws MissingTool when it does not.
 */
export async function debianPython(module: string): Promise<string> {
  const python = '/usr/bin/python3';
  const { code } = await runProgram(python, ['-c', `import ${module}`], { anyCode: true }).catch(
    () => ({ code: 1 }),
  );
  if (code !== 0) throw new MissingTool(`Debian's ${module}`, 'not installed; see .ci/run');
  return python;
}

let environment: Promise<string> | undefined;

/**
 * A Python with the newest clients from PyPI, installed once into a folder of its own.
 *
 * @throws MissingTool when it cannot be made.
 */
export async function newestPython(module: string): Promise<string> {
  environment ??= makeEnvironment();
  const python = await environment;
  const { code, stderr } = await runProgram(python, ['-c', `import ${module}`], { anyCode: true });
  if (code !== 0)
    throw new MissingTool(module, stderr.trim().split('\n').at(-1) ?? 'cannot be imported');
  return python;
}

async function makeEnvironment(): Promise<string> {
  const python = path.join(VENV, 'bin', 'python');
  try {
    if (!existsSync(python)) await runProgram('python3', ['-m', 'venv', VENV]);
    const pip = [
      '-m',
      'pip',
      '-q',
      '--disable-pip-version-check',
      'install',
      '--upgrade',
      ...FROM_PYPI,
    ];
    await runProgram(python, pip, { timeoutMs: INSTALL_TIMEOUT_MS });
  } catch (error) {
    throw new MissingTool("PyPI's clients", (error as Error).message.split('\n')[0] ?? '');
  }
  return python;
}

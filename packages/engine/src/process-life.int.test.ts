import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const PACKAGE = join(import.meta.dirname, '..');
const OPTIONS = `{
  maxFrameBytes: 1 << 20, minFrameBytes: 8, inboundBudgetBytes: 1 << 26, maxQueuedSendBytes: 1 << 20,
  idleMs: 60000, frameDeadlineMs: 60000, sendDeadlineMs: 60000, maxConnections: 100,
  maxConnectionsPerAddress: 100, sendBufferBytes: -1, receiveBufferBytes: -1,
  acceptedPrefixes: new Int16Array(0) }`;
const LOG = `{ segmentBytes: 1 << 20, segmentMs: 1e9, segmentJitterMs: 0, segmentIndexBytes: 1 << 20,
  indexIntervalBytes: 4096, flushMode: 'group', fileDeleteDelayMs: 0 }`;

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-life-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** Runs a program on the package's sources; gives its exit code, signal and output. */
async function run(program: string, from = PACKAGE) {
  const child = spawn(
    process.execPath,
    ['--conditions=@millrace/source', '--expose-gc', '--input-type=module', '--eval', program],
    { cwd: from, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const limit = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (...end) => resolve(end)),
  );
  clearTimeout(limit);
  return { code, signal, output };
}

const BUSY = `
  import { connect } from 'node:net';
  import { openNativeEngine } from '@millrace/engine';
  const engine = openNativeEngine(${OPTIONS});
  let ticks = 0;
  engine.reactor.run(() => { ticks++; onTick?.(); });
  var onTick;
  const { port } = engine.reactor.listen('127.0.0.1', 0, 16);
  const client = connect(port, '127.0.0.1', () => client.write(Buffer.from([0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])));
  client.on('error', () => {});
`;

describe('life of a process with an engine', () => {
  test('it ends by itself once the engine is closed', async () => {
    const ended = await run(`${BUSY}
      const dirId = await engine.store.openDir(${JSON.stringify(dir)});
      await engine.store.openLog({ dirId, name: 't-0', create: true, options: ${LOG}, recoveryPoint: 0,
        logStartOffset: 0, clean: false, topicId: null });
      while (ticks < 2) await new Promise(setImmediate);
      client.destroy();
      await engine.close();
      await engine.close();
      console.log('closed');
    `);
    expect(ended).toEqual({ code: 0, signal: null, output: 'closed\n' });
  });

  test('the engine may be closed within a tick', async () => {
    const ended = await run(`${BUSY}
      onTick = () => { if (ticks === 2) { client.destroy(); engine.close(); console.log('closed'); } };
    `);
    expect(ended).toEqual({ code: 0, signal: null, output: 'closed\n' });
  });

  test('it may exit in the middle of a tick, with connections open', async () => {
    const ended = await run(`${BUSY} onTick = () => { if (ticks === 2) process.exit(3); };`);
    expect(ended).toEqual({ code: 3, signal: null, output: '' });
  });

  test('an exception of the owner is an uncaught exception and the reactor goes on', async () => {
    const ended = await run(`${BUSY}
      process.on('uncaughtException', (error) => {
        console.log(error.message);
        client.destroy();
        engine.close();
      });
      onTick = () => { if (ticks === 2) throw new Error('the owner failed'); };
    `);
    expect(ended).toEqual({ code: 0, signal: null, output: 'the owner failed\n' });
  });

  test('engines that nobody holds are collected without harm', async () => {
    const ended = await run(`
      import { openNativeEngine } from '@millrace/engine';
      for (let i = 0; i < 50; i++) {
        const engine = openNativeEngine(${OPTIONS});
        engine.reactor.listen('127.0.0.1', 0, 16);
        engine.reactor.buffer(0)[0] = 1;
        if (i % 10 === 0) gc();
        await new Promise(setImmediate);
      }
      gc();
      await new Promise((resolve) => setTimeout(resolve, 50));
      const { readdirSync } = await import('node:fs');
      console.log(readdirSync('/proc/self/fd').length < 60);
    `);
    expect(ended).toEqual({ code: 0, signal: null, output: 'true\n' });
  });

  test('views outlive the engine they came from', async () => {
    const ended = await run(`${BUSY}
      const slab = engine.reactor.buffer(0);
      while (ticks < 2) await new Promise(setImmediate);
      client.destroy();
      await engine.close();
      gc();
      await new Promise((resolve) => setTimeout(resolve, 50));
      slab[slab.length - 1] = 7;
      engine.reactor.events[0] = engine.reactor.out[0];
      try { engine.reactor.listen('127.0.0.1', 0, 1); } catch (error) { console.log(error.code); }
    `);
    expect(ended).toEqual({ code: 0, signal: null, output: '9\n' });
  });

  test('a worker may be terminated with its reactor running', async () => {
    symlinkSync(join(PACKAGE, '..', '..', 'node_modules'), join(dir, 'node_modules'));
    const ended = await run(`
      import { Worker } from 'node:worker_threads';
      const program = ${JSON.stringify(`
        import { parentPort } from 'node:worker_threads';
        ${BUSY}
        onTick = () => { if (ticks === 2) parentPort.postMessage('busy'); };
      `)};
      const path = ${JSON.stringify(join(dir, 'worker.mjs'))};
      const { writeFileSync } = await import('node:fs');
      writeFileSync(path, program);
      for (let i = 0; i < 5; i++) {
        const worker = new Worker(path, { execArgv: ['--conditions=@millrace/source'] });
        await new Promise((resolve) => worker.once('message', resolve));
        await worker.terminate();
      }
      console.log('done');
    `);
    expect(ended).toEqual({ code: 0, signal: null, output: 'done\n' });
  });

  test('a missing binary is a named error that says what to do', async () => {
    const lonely = join(dir, 'engine');
    cpSync(join(PACKAGE, 'src'), join(lonely, 'src'), { recursive: true });
    cpSync(join(PACKAGE, 'package.json'), join(lonely, 'package.json'));
    symlinkSync(join(PACKAGE, '..', '..', 'node_modules'), join(dir, 'node_modules'));
    const ended = await run(
      `try { await import(${JSON.stringify(join(lonely, 'src', 'index.ts'))}); }
       catch (error) { console.log(error.name, error.code, error.message); }`,
      lonely,
    );
    expect(ended.output).toMatch(/^EngineError 14 the native engine for linux-x64 .*build:native/);
    expect(ended.code).toBe(0);
  });
});

import { silentLogger } from '@millrace/base';
import {
  EngineError,
  EngineErrorCode,
  MemoryDisk,
  openSimulatedEngine,
  type ReactorOptions,
} from '@millrace/engine';
import { describe, expect, it } from 'vitest';
import { topicConfigOf } from '../config/topic-config.ts';
import { LogManager } from './log-manager.ts';

const CONFIG = topicConfigOf(new Map(), []);
const ID = 'AAAAAAAAAAAAAAAAAAAAAA';
/** Nobody connects. */
const NO_SOCKETS = {} as ReactorOptions;
const CLEAN = '.kafka_cleanshutdown';

async function startOn(disk: MemoryDisk, paths = ['/d']) {
  const { store } = openSimulatedEngine(NO_SOCKETS, {
    disk,
    nowMs: () => 0,
    schedule: () => {},
  });
  const logs = new LogManager({ store, paths, isDurable: true, log: silentLogger });
  await logs.start();
  const dirId = logs.dirs[0]?.dirId ?? -1;
  const textOf = async (file: string) => {
    const bytes = await store.readFile(dirId, file);
    return bytes === null ? null : Buffer.from(bytes).toString('utf8');
  };
  return { store, logs, dirId, textOf };
}

/** The lock of a process that died is free again. */
function kill(disk: MemoryDisk): void {
  disk.dir('/d').isLocked = false;
}

describe('log manager', () => {
  it('notes nothing of a deleted log for the next one of its name', async () => {
    const { logs, textOf } = await startOn(new MemoryDisk());
    const old = await logs.createLog('t', 0, ID, CONFIG);
    old.logStartOffset = 800;
    old.flushedOffset = 1_000;
    logs.dirs[0]?.cleanerOffsets.set('t-0', 900);
    await logs.checkpoint();
    expect(await textOf('log-start-offset-checkpoint')).toContain('t 0 800');
    await logs.deleteLog(old);
    const fresh = await logs.createLog('t', 0, ID, CONFIG);
    expect(fresh.logStartOffset).toBe(0);
    expect(await textOf('log-start-offset-checkpoint')).toBe('0\n0\n');
    expect(await textOf('recovery-point-offset-checkpoint')).toBe('0\n0\n');
    expect(await textOf('cleaner-offset-checkpoint')).toBe('0\n0\n');
  });

  it('notes nothing of a log whose directory was gone at start', async () => {
    const disk = new MemoryDisk();
    const first = await startOn(disk);
    const old = await first.logs.createLog('t', 0, ID, CONFIG);
    old.logStartOffset = 800;
    await first.logs.checkpoint();
    // Killed right after the directory went.
    await first.store.deleteLog(old.logId);
    kill(disk);
    const second = await startOn(disk);
    const fresh = await second.logs.createLog('t', 0, ID, CONFIG);
    expect(fresh.logStartOffset).toBe(0);
    expect(await second.textOf('log-start-offset-checkpoint')).toBe('0\n0\n');
  });

  it('makes no log over another topic’s, and tells two of a name by their ids', async () => {
    const disk = new MemoryDisk();
    const OTHER_ID = 'BBBBBBBBBBBBBBBBBBBBBB';
    const first = await startOn(disk, ['/d']);
    const old = await first.logs.createLog('t', 0, ID, CONFIG);
    await first.store.closeLog(old.logId);
    await expect(first.logs.createLog('t', 0, OTHER_ID, CONFIG)).rejects.toThrow(ID);
    expect((await first.logs.createLog('t', 0, ID, CONFIG)).name).toBe('t-0');
    await (await startOn(disk, ['/e'])).logs.createLog('t', 0, OTHER_ID, CONFIG);
    for (const path of ['/d', '/e']) disk.dir(path).isLocked = false;
    await expect(startOn(disk, ['/d', '/e'])).rejects.toThrow(
      `t-0 lies in two log dirs: /d (topic id ${ID}) and /e (topic id ${OTHER_ID})`,
    );
  });

  it('says which dir is poisoned when a log cannot be made in it', async () => {
    const { logs, store, dirId } = await startOn(new MemoryDisk());
    store.openLog = () => Promise.reject(new EngineError(EngineErrorCode.poisoned, 'failed'));
    await expect(logs.createLog('t', 0, ID, CONFIG)).rejects.toMatchObject({
      code: EngineErrorCode.poisoned,
      dirId,
    });
  });

  it('leaves no mark of a clean stop on logs that were never recovered', async () => {
    const disk = new MemoryDisk();
    const killed = await startOn(disk);
    await killed.logs.createLog('t', 0, ID, CONFIG);
    kill(disk);
    // A start that fails before the logs are open, say on a wrong broker.id.
    const failed = await startOn(disk);
    expect(failed.logs.dirs[0]?.wasClean).toBe(false);
    await failed.logs.close();
    const next = await startOn(disk);
    expect(next.logs.dirs[0]?.wasClean).toBe(false);
    await next.logs.openLog('t', 0, ID, CONFIG);
    next.logs.isLoaded = true;
    await next.logs.close();
    expect(disk.dir('/d').files.has(CLEAN)).toBe(true);
    // Once clean, a failed start in between takes nothing away.
    await (await startOn(disk)).logs.close();
    expect((await startOn(disk)).logs.dirs[0]?.wasClean).toBe(true);
  });
});

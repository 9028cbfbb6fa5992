import assert from 'node:assert/strict';
import { seededPrng } from '@millrace/base';
import { runSeed } from '@millrace/testing';
import { crashCycles } from '../crash/crash-cycles.ts';
import { complaintsOf, countsOf } from '../load/verdict.ts';
import { damagedFiles, foreignFolders, tornTails } from './data-folder.ts';
import { failedDisk } from './failed-flush.ts';
import { fullDisk } from './full-disk.ts';
import { powerCuts } from './power-cuts.ts';
import { slowDisk } from './slow-disk.ts';

/** One fault; gives one line about what was seen. @throws MissingTool, or an Error that says what went wrong. */
export type FaultCheck = (options: FaultOptions) => Promise<string>;

export interface FaultOptions {
  /** How often, for faults that come in rounds; each has its own number for CI. */
  readonly rounds?: number;
  readonly seed?: number;
  readonly note?: (text: string) => void;
}

function roundsOf(options: FaultOptions, rounds: number) {
  const random = seededPrng(options.seed ?? runSeed());
  const note = options.note === undefined ? {} : { note: options.note };
  return { rounds: options.rounds ?? rounds, random: () => random.float(), ...note };
}

/** Nothing that must be empty has anything in it. Returns the counts. */
function assertClean(report: object): string {
  assert.deepEqual(complaintsOf(report), []);
  return countsOf(report);
}

/** By name, as `--only` takes it. */
export const FAULT_CHECKS: Readonly<Record<string, FaultCheck>> = {
  'power cuts': async (options) =>
    assertClean(await powerCuts({ ...roundsOf(options, 6), durability: 'fsync' })),
  'power cuts are real: page-cache mode loses records': async (options) => {
    const report = await powerCuts({ ...roundsOf(options, 2), durability: 'page-cache' });
    assert.ok(report.lost.length > 0, 'nothing was lost: the power was not cut');
    assert.deepEqual(complaintsOf({ twice: report.duplicated }), []);
    return countsOf(report);
  },
  'kill -9': async (options) => {
    const { rounds, ...rest } = roundsOf(options, 50);
    return assertClean(await crashCycles({ cycles: rounds, pauseMs: 700, inFlight: 60, ...rest }));
  },
  'failed flush': () => failedDisk({ call: 'fdatasync', error: 'EIO' }),
  'failed write': () => failedDisk({ call: 'pwritev', error: 'EIO' }),
  'full disk': fullDisk,
  'slow flushes': () => slowDisk('fdatasync'),
  'slow writes': () => slowDisk('pwritev'),
  'torn tails': tornTails,
  'damaged files': async ({ note }) => {
    const damages = await damagedFiles();
    for (const { kind, mutation, outcome, said } of damages) {
      note?.(`${kind} ${mutation}: ${outcome} ${said}`);
    }
    const count = (wanted: string) => damages.filter(({ outcome }) => outcome === wanted).length;
    return `${count('rebuilt')} rebuilt, ${count('offline')} offline and ${count('refused')} refused with one line`;
  },
  'foreign folders': foreignFolders,
};

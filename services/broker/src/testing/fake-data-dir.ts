import { seededPrng, silentLogger } from '@millrace/base';
import { readStaticConfig } from '../config/config-file.ts';
import { DynamicConfig } from '../config/dynamic-config.ts';
import { type LoadedMetadata, loadTopics } from '../controller/topic-loader.ts';
import type { PartitionKeeper } from '../controller/topic-store.ts';
import type { LogDir } from '../log/log-dir.ts';
import type { FoundLog } from '../log/log-manager.ts';
import type { Partition } from '../replica/partition.ts';
import type { PartitionSpec } from '../replica/partition-table.ts';

/** A step at which the fake disk may fail. */
export type DiskStep = 'write' | 'open' | 'create' | 'remove';

/**
 * A data directory in memory, as the controller sees it: small files, partition directories, and a disk that
 * fails or dies when told to. It outlives the brokers that are started on it.
 */
export class FakeDataDir {
  readonly files = new Map<string, Uint8Array>();
  /** `topic-partition` → topic id. */
  readonly directories = new Map<string, string | null>();
  /** `topic-partition` of those directories that lie in a second log dir. */
  readonly elsewhere = new Set<string>();
  /** Log dirs that cannot be used: what is not in `directories` may lie there. */
  offlinePaths: readonly string[] = [];
  /** Numbers of log dirs that were found to be poisoned. */
  readonly failed = new Set<number>();
  /** Partitions that were left offline. */
  readonly offline: string[] = [];
  /** What was done to the disk, in order. */
  readonly steps: string[] = [];
  /** Throws to fail a step. */
  fault: (step: DiskStep, what: string) => void = () => {};

  /** Starts a controller on what is there. */
  async load(
    overrides: readonly string[] = [],
  ): Promise<LoadedMetadata & { readonly dynamicConfig: DynamicConfig }> {
    const open = new Map<string, PartitionSpec>();
    const dynamicConfig = new DynamicConfig(readStaticConfig({ overrides }).values);
    const dir = { dirId: 0, path: '/data', wasClean: true, isFailed: false } as unknown as LogDir;
    const loaded = await loadTopics({
      logs: {
        dirs: [dir],
        found: this.#found(),
        offlinePaths: this.offlinePaths,
        mayBeOffline: (topic, index) => this.#mayBeOffline(`${topic}-${index}`),
        giveUp: async (_dir, error) => {
          throw error;
        },
        store: {
          readFile: async (_dirId, name) => this.files.get(name) ?? null,
          writeFile: async (_dirId, name, bytes) => {
            this.#step('write', name);
            await Promise.resolve();
            this.files.set(name, bytes);
          },
        },
      },
      partitions: this.#keeper(open),
      dynamicConfig,
      random: seededPrng(this.steps.length + 1),
      log: silentLogger,
      dirFailed: (dirId) => this.failed.add(dirId),
    });
    return { ...loaded, dynamicConfig };
  }

  /** Names of topics that have directories. */
  get names(): string[] {
    return [...this.directories.keys()].sort();
  }

  #keeper(open: Map<string, PartitionSpec>): PartitionKeeper {
    const opened = (spec: PartitionSpec): Promise<Partition> => {
      open.set(`${spec.topic}-${spec.index}`, spec);
      return Promise.resolve({} as Partition);
    };
    return {
      configure: (topic, config) => {
        for (const [name, spec] of open) {
          if (spec.topic === topic) open.set(name, { ...spec, config });
        }
      },
      open: async (spec) => {
        this.#step('open', `${spec.topic}-${spec.index}`);
        return opened(spec);
      },
      leaveOffline: ({ topic, index }) => this.offline.push(`${topic}-${index}`),
      create: async (spec) => {
        const name = `${spec.topic}-${spec.index}`;
        this.#step('create', name);
        this.directories.set(name, spec.topicId);
        return opened(spec);
      },
      remove: async (topic, index) => {
        const name = `${topic}-${index}`;
        if (!this.directories.has(name)) return !this.#mayBeOffline(name);
        this.#step('remove', name);
        open.delete(name);
        this.directories.delete(name);
        return true;
      },
    };
  }

  #mayBeOffline(name: string): boolean {
    return this.offlinePaths.length > 0 && !this.directories.has(name);
  }

  #step(step: DiskStep, what: string): void {
    this.fault(step, what);
    this.steps.push(`${step} ${what}`);
  }

  #found(): FoundLog[] {
    return [...this.directories].map(([name, topicId]) => {
      const dash = name.lastIndexOf('-');
      return {
        dirId: this.elsewhere.has(name) ? 1 : 0,
        topic: name.slice(0, dash),
        partition: Number(name.slice(dash + 1)),
        topicId,
      };
    });
  }
}

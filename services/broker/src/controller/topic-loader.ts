import type { Logger, Prng } from '@millrace/base';
import type { DynamicConfig } from '../config/dynamic-config.ts';
import { topicConfigOf } from '../config/topic-config.ts';
import type { FoundLog, LogDir, LogManager } from '../log/log-manager.ts';
import { DurableRecords } from './durable-records.ts';
import {
  agreeOnIdentity,
  type DirIdentity,
  formatMetaProperties,
  IdentityError,
  META_PROPERTIES_FILE,
  newUuid,
  readMetaProperties,
} from './meta-properties.ts';
import { MetadataImage, type TopicImage } from './metadata-image.ts';
import { partitionCap } from './partition-cap.ts';
import { openPartitions, type PartitionWork } from './partition-opener.ts';
import { LocalMetadataStore, type StoredTopic } from './store/local.ts';
import { isInternalTopic, topicNameProblem } from './topic-name.ts';
import { type PartitionKeeper, partitionSpec, Topics } from './topic-store.ts';

/** What `loadTopics` needs of the log manager. */
export type LogDirs = Pick<
  LogManager,
  'found' | 'dirs' | 'offlinePaths' | 'giveUp' | 'mayBeOffline'
> & {
  readonly store: Pick<LogManager['store'], 'readFile' | 'writeFile'>;
};

export interface TopicLoaderParts {
  readonly logs: LogDirs;
  readonly partitions: PartitionKeeper;
  readonly dynamicConfig: DynamicConfig;
  readonly random: Prng;
  readonly log: Logger;
  /** A log dir was found to be poisoned. */
  readonly dirFailed: (dirId: number, code: number) => void;
}

/** What the data directory holds, in memory, and the way to change it. */
export interface LoadedMetadata {
  readonly topics: Topics;
  readonly records: DurableRecords;
  /** Names of topics whose deletion a crash had cut short. */
  readonly finishedDeletions: readonly string[];
}

/** KRaft's own log; not a topic. */
const KRAFT_METADATA_TOPIC = '__cluster_metadata';

/**
 * Reads who this broker is and what topics it has, opens every partition, finishes deletions and creations
 * that a crash cut short, and takes over topics of a data directory written by Apache Kafka.
 * @throws IdentityError, MetadataFileError, ConfigError, EngineError
 */
export async function loadTopics(parts: TopicLoaderParts): Promise<LoadedMetadata> {
  const { logs, dynamicConfig, random, log } = parts;
  const identity = await claimDirs(parts);
  dynamicConfig.adoptBrokerId(identity.brokerId);
  const first = logs.dirs[0];
  if (first === undefined) throw new Error('no log dir');
  const store = new LocalMetadataStore({
    readFile: (name) => logs.store.readFile(first.dirId, name),
    writeFile: (name, bytes) => logs.store.writeFile(first.dirId, name, bytes),
  });
  const isKnown = await store.load();
  dynamicConfig.apply('cluster', store.metadata.clusterOverrides);
  dynamicConfig.apply('broker', store.metadata.brokerOverrides);

  const found = groupByTopic(logs.found);
  const adopted = adoptTopics(store, found, random);
  // Partitions that lie in a dir that failed would be missing for ever from what is written down now.
  if (!isKnown || adopted.length > 0) requireAllDirs(logs);
  if (!isKnown || adopted.length > 0) await store.update({ apply: () => {}, undo: () => {} });
  if (adopted.length > 0) {
    log.warn(
      'took over topics from directories of another broker; their topic configs lie elsewhere and are at their defaults',
      { topics: adopted.length },
    );
  }
  const image = new MetadataImage(identity);
  const finishedDeletions = await openAll(parts, store, image, found);
  const records = new DurableRecords(store, log);
  const topics = new Topics({
    partitionCap: await partitionCap(),
    image,
    records,
    partitions: parts.partitions,
    dynamicConfig,
    random,
    log,
  });
  return { topics, records, finishedDeletions };
}

/** Checks and completes meta.properties of every log dir. One whose disk fails is done without. */
async function claimDirs(parts: TopicLoaderParts) {
  const { logs, dynamicConfig, random } = parts;
  const identities = new Map<LogDir, DirIdentity>();
  for (const dir of [...logs.dirs]) {
    const { dirId, path } = dir;
    try {
      const bytes = await logs.store.readFile(dirId, META_PROPERTIES_FILE);
      const meta = bytes === null ? null : readMetaProperties(bytes, path);
      identities.set(dir, { path, meta });
    } catch (error) {
      await logs.giveUp(dir, error);
    }
  }
  // The cluster's id may be in a dir that failed: another one must not be made up.
  if ([...identities.values()].every(({ meta }) => meta === null)) requireAllDirs(logs);
  const identity = agreeOnIdentity([...identities.values()], dynamicConfig.config.brokerId, random);
  for (const [dir, { meta }] of identities) {
    if (meta !== null) continue;
    const bytes = formatMetaProperties({ ...identity, directoryId: newUuid(random) });
    try {
      await logs.store.writeFile(dir.dirId, META_PROPERTIES_FILE, bytes);
    } catch (error) {
      await logs.giveUp(dir, error);
    }
  }
  return identity;
}

/** @throws IdentityError when a log dir is offline */
function requireAllDirs({ offlinePaths }: LogDirs): void {
  if (offlinePaths.length === 0) return;
  throw new IdentityError(
    `${offlinePaths.join(', ')} cannot be used, and every log dir is needed to start for the first time or to take over topics.`,
  );
}

type FoundTopics = ReadonlyMap<string, ReadonlyMap<number, FoundLog>>;

function groupByTopic(found: readonly FoundLog[]): FoundTopics {
  const topics = new Map<string, Map<number, FoundLog>>();
  for (const log of found) {
    if (topicNameProblem(log.topic) !== null || log.topic === KRAFT_METADATA_TOPIC) continue;
    let partitions = topics.get(log.topic);
    if (partitions === undefined) {
      partitions = new Map();
      topics.set(log.topic, partitions);
    }
    partitions.set(log.partition, log);
  }
  return topics;
}

/** Topics that have directories and no record: made by Apache Kafka, or put there by hand. Returns their names. */
function adoptTopics(store: LocalMetadataStore, found: FoundTopics, random: Prng): string[] {
  const { topics } = store.metadata;
  const adopted: string[] = [];
  for (const [name, partitions] of found) {
    const known = topics.get(name);
    const id = [...partitions.values()].find((log) => log.topicId !== null)?.topicId;
    const highest = Math.max(...partitions.keys());
    if (known === undefined) {
      adopted.push(name);
      topics.set(name, {
        name,
        id: id ?? newUuid(random),
        partitionCount: highest + 1,
        overrides: isInternalTopic(name) ? compactedOverrides : new Map(),
        isDeleting: false,
      });
    } else if (!known.isDeleting && id !== undefined && id !== null && id !== known.id) {
      adopted.push(name);
      topics.set(name, { ...known, id });
    }
  }
  return adopted;
}

const compactedOverrides: ReadonlyMap<string, string> = new Map([
  ['cleanup.policy', 'compact'],
  ['segment.bytes', '104857600'],
  ['compression.type', 'producer'],
]);

async function openAll(
  parts: TopicLoaderParts,
  store: LocalMetadataStore,
  image: MetadataImage,
  found: FoundTopics,
): Promise<readonly string[]> {
  const { partitions, log, logs } = parts;
  const work: PartitionWork[] = [];
  const deletable: StoredTopic[] = [];
  let offlineCount = 0;
  for (const stored of store.metadata.topics.values()) {
    const topic = imageOf(stored, parts.dynamicConfig);
    const directories = found.get(stored.name);
    if (!stored.isDeleting) image.put(topic);
    let isKnown = true;
    for (let index = 0; index < stored.partitionCount; index++) {
      if (logs.mayBeOffline(stored.name, index)) {
        // A new log in its place would hide, and in the end replace, what lies in the dir that failed.
        isKnown = false;
        if (stored.isDeleting) continue;
        partitions.leaveOffline(partitionSpec(topic, index));
        offlineCount++;
        continue;
      }
      const deed = deedOf(stored.isDeleting, directories?.has(index) ?? false);
      const dirId = directories?.get(index)?.dirId ?? null;
      if (deed !== null) work.push({ spec: partitionSpec(topic, index), deed, dirId });
    }
    if (stored.isDeleting && isKnown) deletable.push(stored);
  }
  if (offlineCount > 0) {
    const fields = { partitions: offlineCount, dirs: logs.offlinePaths.join(', ') };
    log.error('partitions stay offline: log dirs that may hold them cannot be used', fields);
  }
  const isVital = (dirId: number) => dirId === logs.dirs[0]?.dirId;
  const dirs = { isVital, failed: parts.dirFailed };
  const unremoved = await openPartitions(partitions, work, dirs, log);
  const deleting = deletable.filter(({ name }) => !unremoved.has(name));
  if (deleting.length === 0) return [];
  log.info('finished deletions that were cut short', { topics: deleting.length });
  await store.update({
    apply: ({ topics }) => {
      for (const { name } of deleting) topics.delete(name);
    },
    undo: ({ topics }) => {
      for (const stored of deleting) topics.set(stored.name, stored);
    },
  });
  return deleting.map(({ name }) => name);
}

/** What is left to do for a partition; null when nothing is. */
function deedOf(isDeleting: boolean, isThere: boolean): PartitionWork['deed'] | null {
  if (isDeleting) return isThere ? 'remove' : null;
  return isThere ? 'open' : 'create';
}

function imageOf(stored: StoredTopic, dynamicConfig: DynamicConfig): TopicImage {
  const { name, id, partitionCount, overrides } = stored;
  const config = topicConfigOf(overrides, dynamicConfig.layers);
  return { name, id, partitionCount, overrides, internal: isInternalTopic(name), config };
}

import { formatProperties, type Prng, parseProperties } from '@millrace/base';
import { randomUuid } from '@millrace/bytes';

/** `meta.properties` of a log dir: whose directory it is. */
export interface MetaProperties {
  readonly clusterId: string;
  readonly brokerId: number;
  /** null in the ZooKeeper era's version 0. */
  readonly directoryId: string | null;
}

export const META_PROPERTIES_FILE = 'meta.properties';

/** The directory belongs to another broker or cluster, or says nothing we can read, when it has to. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
}

/** Version 0 (`broker.id`) and version 1 (`node.id`). @throws IdentityError */
export function readMetaProperties(bytes: Uint8Array, path: string): MetaProperties {
  const properties = parseProperties(new TextDecoder().decode(bytes));
  const version = properties.get('version');
  if (version !== '0' && version !== '1') {
    throw new IdentityError(`${path}/meta.properties: version ${version ?? 'missing'} is unknown.`);
  }
  const brokerId = Number(properties.get(version === '0' ? 'broker.id' : 'node.id') ?? Number.NaN);
  const clusterId = properties.get('cluster.id');
  if (!Number.isInteger(brokerId) || clusterId === undefined || clusterId === '') {
    throw new IdentityError(`${path}/meta.properties: broker or cluster id is missing.`);
  }
  const directoryId = properties.get('directory.id') ?? null;
  return { clusterId, brokerId, directoryId };
}

/** Version 1, as KRaft writes it. */
export function formatMetaProperties(meta: MetaProperties): Uint8Array {
  const properties = new Map([
    ['version', '1'],
    ['cluster.id', meta.clusterId],
    ['node.id', String(meta.brokerId)],
  ]);
  if (meta.directoryId !== null) properties.set('directory.id', meta.directoryId);
  return new TextEncoder().encode(`#\n${formatProperties(properties)}`);
}

/** A log dir by its path, with its meta.properties or null when it has none yet. */
export interface DirIdentity {
  readonly path: string;
  readonly meta: MetaProperties | null;
}

/** Used in a fresh directory when no broker.id is set; what Kafka's own quick start uses. */
const FIRST_BROKER_ID = 1;

/**
 * Who this broker is: what the log dirs say, or what the config says, or something new.
 * @throws IdentityError when they contradict each other.
 */
export function agreeOnIdentity(
  dirs: readonly DirIdentity[],
  configuredBrokerId: number,
  random: Prng,
): { readonly clusterId: string; readonly brokerId: number } {
  let clusterId: string | null = null;
  let brokerId = configuredBrokerId;
  for (const { path, meta } of dirs) {
    if (meta === null) continue;
    clusterId ??= meta.clusterId;
    if (meta.clusterId !== clusterId) {
      throw new IdentityError(
        `${path} belongs to cluster ${meta.clusterId}, another log dir to ${clusterId}.`,
      );
    }
    if (brokerId === -1) brokerId = meta.brokerId;
    if (meta.brokerId !== brokerId) {
      throw new IdentityError(
        `Configured broker.id ${brokerId} doesn't match stored broker.id ${meta.brokerId} in ${path}/meta.properties.`,
      );
    }
  }
  return {
    clusterId: clusterId ?? newUuid(random),
    brokerId: brokerId === -1 ? FIRST_BROKER_ID : brokerId,
  };
}

export function newUuid(random: Prng): string {
  return randomUuid((target) => random.fill(target));
}

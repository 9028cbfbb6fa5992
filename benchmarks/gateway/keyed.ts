/** The keyed load of several rows: each record goes to the ten clients that asked for its key. */
import { canonicalFilter, clusterTag, type ResumeToken } from '@millrace/gateway-protocol';
import type { Bench } from './bench.ts';
import { keyFilter, readyFrame, variant } from './frames.ts';
import type { Feed, Group, Variant } from './generator.ts';
import type { Server } from './servers.ts';

export const CLIENTS_PER_KEY = 10;
export const VALUE_BYTES = 512;
const DELIVERIES_PER_SECOND = 45_000;

export interface Keyed {
  readonly group: Group;
  readonly feed: Feed;
  readonly deliveriesPerSecond: number;
}

export interface KeyedOptions {
  readonly clients: number;
  /** Clients come back after a loss and go on where they were. */
  readonly reconnect?: boolean;
}

/** 45,000 deliveries/s of 512 bytes to 9,000 clients; proportionally fewer for fewer clients. */
export async function keyed(
  bench: Bench,
  server: Server,
  { clients, reconnect = false }: KeyedOptions,
): Promise<Keyed> {
  const keys = Math.max(1, Math.floor(clients / CLIENTS_PER_KEY));
  const isGateway = server.protocol === 'gateway';
  const topic = isGateway ? await bench.topic('keyed') : 'keyed';
  const token = reconnect ? await tokenOf(bench, topic) : undefined;
  const variants = Array.from({ length: keys }, (_, key): Variant => {
    if (token === undefined) return variant(server, { topic, key });
    const filter = canonicalFilter(keyFilter(key));
    const filterTag = filter?.tag ?? 0;
    return variant(server, { topic, key, token: { ...token, filterTag } });
  });
  const deliveriesPerSecond = Math.min(DELIVERIES_PER_SECOND, clients * 5);
  return {
    group: { count: keys * CLIENTS_PER_KEY, variants, mode: 'read', reconnect },
    feed: {
      ...{ topic, records: 1, valueBytes: VALUE_BYTES, keys },
      rate: deliveriesPerSecond / CLIENTS_PER_KEY,
      frame: server.protocol === 'frames' ? readyFrame(1, VALUE_BYTES, 0) : '',
    },
    deliveriesPerSecond,
  };
}

async function tokenOf(bench: Bench, topic: string): Promise<ResumeToken> {
  const { clusterId, topicId } = await bench.identity(topic);
  return {
    isUncommitted: false,
    clusterTag: clusterTag(clusterId),
    topicId: Buffer.from(topicId, 'base64url'),
    filterTag: 0,
    issuedAt: 0,
    positions: [],
  };
}

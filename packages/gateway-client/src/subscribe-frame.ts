import {
  type FrameFields,
  fromBase64Url,
  Isolation,
  OnLoss,
  type PartitionOffset,
  Policy,
  Projection,
  StartKind,
} from '@millrace/gateway-protocol';
import { clientError } from './errors.ts';
import type { Position, Start, SubscribeOptions } from './options.ts';

export type SubscribeFields = Omit<FrameFields<'subscribe'>, 'kind'>;

/** What a subscription asks for on every connection. @throws GatewayError when the options cannot mean anything. */
export function subscribeFields(topic: string, options: SubscribeOptions): SubscribeFields {
  const projection = (options.projection ?? ['key', 'value', 'headers', 'timestamp'])
    .map((part) => Projection[part.toUpperCase() as keyof typeof Projection])
    .reduce((bits, bit) => bits | bit, 0);
  return {
    topic,
    partitions: options.partitions ?? [],
    projection,
    isolation: options.isolation === 'uncommitted' ? Isolation.UNCOMMITTED : Isolation.COMMITTED,
    policy: POLICIES[options.policy ?? 'pause'],
    onGap: ON_LOSS[options.onGap ?? 'nearest'],
    onDiverged: ON_LOSS[options.onDiverged ?? 'fail'],
    onRecreated: ON_LOSS[options.onRecreated ?? 'fail'],
    maxRate: options.maxRate ?? 0,
    maxWaitMs: options.maxWaitMs ?? 0,
    maxLagMs: options.maxLagMs ?? 0,
  };
}

/** Equal for subscriptions that would share a stream, and so need different lanes. */
export function sharingKey(fields: SubscribeFields, filterTag: number): string {
  const { topic, projection, isolation } = fields;
  return `${filterTag} ${projection} ${isolation} ${topic}`;
}

/** The start and its operand. @throws GatewayError when it names no place. */
export function startFields(
  start: Exclude<Start, { readonly resumeKey: string }>,
): SubscribeFields {
  if (start === 'latest') return { start: StartKind.LATEST };
  if (start === 'earliest') return { start: StartKind.EARLIEST };
  if (start === 'keySnapshot') return { start: StartKind.KEY_SNAPSHOT };
  if ('offsets' in start)
    return { start: StartKind.OFFSETS, offsets: start.offsets.map(positionEntry) };
  if ('timestamp' in start) {
    const ms = Math.trunc(Number(start.timestamp));
    // Brokers take those below 0 for something else than a time.
    if (!Number.isSafeInteger(ms) || ms < 0) throw clientError(`${ms} is no timestamp`);
    return { start: StartKind.TIMESTAMP, timestampMs: BigInt(ms) };
  }
  if ('last' in start) return { start: StartKind.LAST_N, lastN: start.last };
  if ('committed' in start) return { start: StartKind.COMMITTED, name: start.committed };
  const resume = fromBase64Url(start.resume);
  if (resume === null) throw clientError('a resume token is base64url text');
  return { start: StartKind.RESUME, resume };
}

/** @throws GatewayError for an offset beyond the safe integers. */
export function positionEntry({ partition, offset, leaderEpoch }: Position): PartitionOffset {
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw clientError(`offset ${offset} of partition ${partition} is no safe integer`);
  return { partition, offset: BigInt(offset), epoch: leaderEpoch ?? -1 };
}

const POLICIES = {
  pause: Policy.PAUSE,
  disconnect: Policy.DISCONNECT,
  conflateKey: Policy.CONFLATE_KEY,
  latest: Policy.LATEST,
  dropOldest: Policy.DROP_OLDEST,
} as const;

const ON_LOSS = { nearest: OnLoss.NEAREST, latest: OnLoss.LATEST, fail: OnLoss.FAIL } as const;

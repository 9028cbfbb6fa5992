import type { Clock } from '@millrace/base';
import { uuidFromBytes, ZERO_UUID } from '@millrace/bytes';
import {
  Caps,
  clusterTag,
  decodeResumeToken,
  ErrorCode,
  FilterError,
  type FilterNode,
  FilterOp,
  OnLoss,
  Policy,
  type ResumeToken,
  StartKind,
  SUBSCRIPTION_WINDOW_BYTES_DEFAULT,
  type Subscribe,
} from '@millrace/gateway-protocol';
import { AuthError } from '../auth/auth-error.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { ReadGrant } from '../auth/grants.ts';
import { principalKey } from '../auth/principal.ts';
import type { SubscriptionGrant } from '../auth/token-verifier.ts';
import { compileCursorFilter } from '../fan-out/compile-filter.ts';
import type { CompiledFilter } from '../fan-out/compiled-filter.ts';
import type { ClassOptions, CreditWindow } from '../fan-out/contract.ts';
import { RateLimit } from '../fan-out/rate-limit.ts';
import { deliveryLimits } from '../limits.ts';
import type { Position, Upstream, UpstreamTopic } from '../upstream-contract.ts';
import { groupName } from './group-name.ts';
import type { StartRequest } from './start-resolution.ts';
import { Refused, type SubscriptionHost } from './subscription-host.ts';
import { topicWithin } from './topic-patience.ts';

const NO_POSITIONS: ReadonlyMap<number, Position> = new Map();

/** Everything a subscription needs to know, checked; nothing of it is borrowed from the frame. */
export interface SubscriptionPlan {
  readonly sub: number;
  readonly topic: UpstreamTopic;
  /** null: all that the grant allows, also those added later. */
  readonly partitions: readonly number[] | null;
  readonly grant: ReadGrant;
  /** The subscription's own grant; null: the connection's token covers it. */
  readonly ownGrant: SubscriptionGrant | null;
  readonly start: StartRequest;
  /** Of the client's filter, for resume tokens; 0 = none. */
  readonly filterTag: number;
  /** All but the partition. */
  readonly streamClass: Omit<ClassOptions, 'partition'>;
  readonly policy: number;
  /** Of all its partitions together; null = no limit. */
  readonly rate: RateLimit | null;
  readonly maxWaitMs: number;
  readonly maxLagMs: number;
  readonly window: CreditWindow;
}

export interface PlanParts {
  readonly clock: Clock;
  readonly upstream: Upstream;
  readonly authenticator: Authenticator;
  /** True while the principal may ask for another offset by time or name. */
  readonly mayQuery: (principalKey: string) => boolean;
  /** The codec for a topic among those that the client reads. */
  readonly codecFor: (topic: string, codecs: readonly number[]) => number;
}

/** A Subscribe frame with its tokens read. */
interface Asked {
  readonly frame: Subscribe;
  readonly resume: ResumeToken | null;
}

/** Checks a Subscribe in the order of §10.1. Rejects with Refused. */
export async function planSubscription(
  parts: PlanParts,
  host: SubscriptionHost,
  frame: Subscribe,
): Promise<SubscriptionPlan> {
  const isResume = frame.start === StartKind.RESUME;
  const resume = isResume ? readToken(frame.resume, parts.upstream.clusterId) : null;
  checkCapabilities(host, frame);
  const own = frame.grant === null ? null : await ownGrant(parts, host, frame.grant);
  const rightTo = (name: string): ReadGrant | null =>
    own?.mayRead(name) ?? host.principal.grants.mayRead(name);
  const topic = await findTopic(parts, frame, rightTo);
  const grant = topic === null ? null : rightTo(topic.name);
  if (topic === null || grant === null)
    throw new Refused(ErrorCode.FORBIDDEN, 'Not allowed, or there is no such topic.');
  const isRecreated = wantsAnother({ frame, resume }, topic);
  const partitions = choosePartitions(frame, topic, grant, isRecreated);
  const start = await startRequest(parts, host, { frame, resume }, topic, isRecreated);
  const [filterTag, filter] = compileFilters(frame.filter, grant);
  if (resume !== null && resume.filterTag !== filterTag)
    throw new Refused(ErrorCode.FILTER_CHANGED, 'The resume token was made with another filter.');
  if (frame.start === StartKind.KEY_SNAPSHOT && !(await parts.upstream.isCompacted(topic.name)))
    throw new Refused(ErrorCode.NOT_COMPACTED, 'KEY_SNAPSHOT needs a compacted topic.');
  const { isText } = host.target;
  const perSecond = lowest(frame.maxRate, grant.rate);
  return {
    sub: frame.sub,
    topic,
    partitions,
    grant,
    // One that opens another topic gives nothing here: the right is the token's, and goes with it.
    ownGrant: own !== null && own.mayRead(topic.name) !== null ? own : null,
    start,
    filterTag,
    streamClass: {
      topic: topic.name,
      topicId: topic.topicIdText,
      lane: frame.lane,
      encoding: isText ? 'json' : 'fb',
      projection: frame.projection,
      isolation: frame.isolation,
      codec: isText ? 0 : parts.codecFor(topic.name, host.codecs),
      filter,
      showWatermark: grant.watermark,
    },
    policy: frame.policy,
    rate: perSecond === 0 ? null : new RateLimit(perSecond),
    maxWaitMs: frame.maxWaitMs,
    maxLagMs: frame.maxLagMs,
    window: { bytes: frame.credit === 0 ? SUBSCRIPTION_WINDOW_BYTES_DEFAULT : frame.credit },
  };
}

function readToken(bytes: Uint8Array | null, clusterId: string): ResumeToken {
  if (bytes === null) throw new Refused(ErrorCode.BAD_REQUEST, 'RESUME needs a resume token.');
  let token: ResumeToken;
  try {
    token = decodeResumeToken(bytes);
  } catch {
    throw new Refused(ErrorCode.BAD_REQUEST, 'The resume token is damaged.');
  }
  if (token.clusterTag !== clusterTag(clusterId))
    throw new Refused(ErrorCode.WRONG_CLUSTER, 'The resume token is of another cluster.');
  return token;
}

function checkCapabilities({ caps }: SubscriptionHost, frame: Subscribe): void {
  const wanted =
    (frame.policy === Policy.CONFLATE_KEY ? Caps.CONFLATE : 0) |
    (frame.start === StartKind.KEY_SNAPSHOT ? Caps.KEY_SNAPSHOT : 0);
  if ((caps & wanted) !== wanted)
    throw new Refused(ErrorCode.UNSUPPORTED, 'Hello did not say that the client knows this.');
}

async function ownGrant(parts: PlanParts, host: SubscriptionHost, token: string) {
  try {
    return await parts.authenticator.verifyGrant(token, host.principal);
  } catch (error) {
    if (error instanceof AuthError) throw new Refused(error.errorCode, error.message);
    throw error;
  }
}

/** null: there is none, also not after the patience that a client gets which was reading it. */
async function findTopic(
  { upstream, clock }: PlanParts,
  frame: Subscribe,
  rightTo: (name: string) => ReadGrant | null,
): Promise<UpstreamTopic | null> {
  const { topic, topicId } = frame;
  if (topic === null) {
    if (topicId !== null) return upstream.topicById(topicId);
    throw new Refused(ErrorCode.BAD_REQUEST, 'Neither topic nor topic_id is given.');
  }
  const isHistory = namesHistory(frame);
  // Under an old id a position would be looked for in the log of another topic.
  const found = await upstream.topic(topic, isHistory ? 0 : undefined);
  // Whoever has no right to the name is not told by the time that passes whether there is such a topic.
  if (found !== null || !isHistory || rightTo(topic) === null) return found;
  return topicWithin(upstream, clock, topic, deliveryLimits.topicGoneMs);
}

/** True for a position in one history of the topic, which another topic of that name does not have. */
function namesHistory({ start, offsets, topicId }: Subscribe): boolean {
  if (start === StartKind.RESUME || topicId !== null) return true;
  return start === StartKind.OFFSETS && offsets.some((o) => o.epoch >= 0);
}

/** True when the client's position, or the id that it names, is of a topic of this name that is gone. */
function wantsAnother({ frame, resume }: Asked, { topicIdText }: UpstreamTopic): boolean {
  const wanted = resume?.topicId ?? frame.topicId;
  const wantedId = wanted === null ? ZERO_UUID : uuidFromBytes(wanted, 0);
  return wantedId !== ZERO_UUID && wantedId !== topicIdText;
}

/** A topic that was made again may have fewer partitions: the others are read on, or RECREATED ends it, as `on_recreated` says. */
function choosePartitions(
  frame: Subscribe,
  topic: UpstreamTopic,
  grant: ReadGrant,
  isRecreated: boolean,
): readonly number[] | null {
  if (frame.partitions.length === 0) return null;
  const known = new Set(topic.partitions.map(({ partition }) => partition));
  const asked = [...new Set(frame.partitions)];
  if (asked.some((partition) => grant.partitions?.has(partition) === false))
    throw new Refused(ErrorCode.FORBIDDEN, 'Not allowed, or there is no such topic.');
  const there = asked.filter((partition) => known.has(partition));
  if (there.length === asked.length || (isRecreated && there.length > 0)) return there;
  if (isRecreated && frame.onRecreated === OnLoss.FAIL)
    throw new Refused(ErrorCode.RECREATED, 'The topic was made again, without these partitions.');
  const missing = asked.find((partition) => !known.has(partition));
  throw new Refused(ErrorCode.BAD_REQUEST, `There is no partition ${missing}.`);
}

/** The tag of the client's filter, and what both filters together pass. */
function compileFilters(asked: readonly FilterNode[], grant: ReadGrant) {
  const nodes = bothFilters(grant.filter ?? [], asked);
  if (nodes.length === 0) return [0, null] as const;
  const own = asked.length === 0 ? null : compiled(asked);
  return [own?.tag ?? 0, own !== null && nodes === asked ? own : compiled(nodes)] as const;
}

function compiled(nodes: readonly FilterNode[]): CompiledFilter {
  let filter: CompiledFilter | null;
  try {
    filter = compileCursorFilter(nodes);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw new Refused(ErrorCode.BAD_REQUEST, 'The filter is outside its limits.');
  }
  if (filter === null) throw new Refused(ErrorCode.BAD_REQUEST, 'The filter can match nothing.');
  return filter;
}

/** Both must hold; the grant's is the security boundary, the client's only saves bandwidth (§11). */
function bothFilters(
  granted: readonly FilterNode[],
  asked: readonly FilterNode[],
): readonly FilterNode[] {
  if (granted.length === 0) return asked;
  if (asked.length === 0) return granted;
  return [...granted, ...asked, { op: FilterOp.AND, arity: 2, name: null, values: [] }];
}

async function startRequest(
  parts: PlanParts,
  host: SubscriptionHost,
  asked: Asked,
  topic: UpstreamTopic,
  isRecreated: boolean,
): Promise<StartRequest> {
  const { frame } = asked;
  const isByQuery = frame.start === StartKind.TIMESTAMP || frame.start === StartKind.COMMITTED;
  if (isByQuery && !parts.mayQuery(principalKey(host.principal)))
    throw new Refused(ErrorCode.OVERLOADED, 'Too many positions asked for.', 1000);
  const topicId = topic.topicIdText;
  return {
    topic: topic.name,
    hasTopicId: topicId !== ZERO_UUID,
    isolation: frame.isolation,
    kind: frame.start,
    positions: await positionsOf(parts.upstream, host, asked, topic),
    timestampMs: Number(frame.timestampMs),
    lastN: frame.lastN,
    isRecreated,
    onGap: frame.onGap,
    onDiverged: frame.onDiverged,
    onRecreated: frame.onRecreated,
  };
}

async function positionsOf(
  upstream: Upstream,
  host: SubscriptionHost,
  { frame, resume }: Asked,
  topic: UpstreamTopic,
): Promise<ReadonlyMap<number, Position>> {
  const given = resume?.positions ?? (frame.start === StartKind.OFFSETS ? frame.offsets : null);
  if (given !== null)
    return new Map(
      given.map(({ partition, offset, epoch }) => [
        partition,
        { offset: Number(offset), leaderEpoch: epoch },
      ]),
    );
  if (frame.start !== StartKind.COMMITTED) return NO_POSITIONS;
  const { principal } = host;
  if (frame.name === null || !principal.grants.mayCommit(frame.name))
    throw new Refused(ErrorCode.FORBIDDEN, 'Not allowed to use this name.');
  const all = topic.partitions.map(({ partition }) => partition);
  return upstream.committedOffsets(groupName(principal, frame.name), topic.name, all);
}

/** 0 means no limit. */
function lowest(asked: number, granted: number): number {
  if (asked === 0 || granted === 0) return asked + granted;
  return Math.min(asked, granted);
}

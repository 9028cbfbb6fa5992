import { Reader, ZERO_UUID } from '@millrace/bytes';
import { decodeFetchRequest, ErrorCode, type FetchRequest } from '@millrace/protocol';
import { HEAP_BYTES_PER_WIRE_BYTE } from '../limits.ts';
import type { DirectApi, ReplyChannel, RequestFrame } from './api-handler.ts';
import { FetchReply, type FetchReplyRooms, type FetchWish } from './fetch/fetch-reply.ts';
import type { FetchSession, FetchSessionCache } from './fetch/fetch-session.ts';
import type { FetchTarget } from './fetch/fetch-target.ts';

const TOPIC_IDS_FROM = 13;
const NO_EPOCH = -1;
const INITIAL_EPOCH = 0;
const READ_COMMITTED = 1;

export interface FetchRooms extends FetchReplyRooms {
  readonly sessions: FetchSessionCache;
  /** `fetch.max.bytes` */
  readonly fetchMaxBytes: number;
}

/** Fetch: whole batches out of logs, as file slices; long polls park in the purgatory. */
export function fetchApi(rooms: FetchRooms): DirectApi {
  const reader = new Reader(new Uint8Array(0), 0, 0, {
    heapBytesPerByte: HEAP_BYTES_PER_WIRE_BYTE,
  });
  return {
    key: 1,
    name: 'Fetch',
    minVersion: 4,
    maxVersion: 18,
    serve(frame: RequestFrame, channel: ReplyChannel): void {
      reader.reset(frame.bytes, frame.bodyStart, frame.end);
      const request = decodeFetchRequest(reader, frame.apiVersion);
      reader.finish('Fetch');
      const reply = new FetchReply(rooms, wishOf(rooms, request, frame.apiVersion));
      reply.apiKey = frame.apiKey;
      reply.apiVersion = frame.apiVersion;
      reply.correlationId = frame.correlationId;
      reply.startedAtMs = rooms.tick.monotonicMs();
      reply.queuedMs = frame.queuedMs;
      channel.enqueue(reply);
      reply.start();
    },
  };
}

function wishOf(rooms: FetchRooms, request: FetchRequest, version: number): FetchWish {
  const usesTopicIds = version >= TOPIC_IDS_FROM;
  const looked = sessionOf(rooms.sessions, request, usesTopicIds);
  const replicaId = version >= 15 ? request.replicaState.replicaId : request.replicaId;
  // Followers read past the high watermark; no other broker belongs to a cluster of one (H9, T63).
  const refusal = replicaId >= 0 ? ErrorCode.CLUSTER_AUTHORIZATION_FAILED : 0;
  return {
    targets: looked.session === null ? looked.targets : looked.session.targets,
    bounds: {
      maxBytes: Math.max(0, Math.min(request.maxBytes, rooms.fetchMaxBytes)),
      readCommitted: request.isolationLevel === READ_COMMITTED,
      usesTopicIds,
      isIncremental: looked.isIncremental,
    },
    minBytes: request.minBytes,
    maxWaitMs: request.maxWaitMs,
    session: looked.session,
    errorCode: refusal === 0 ? looked.errorCode : refusal,
  };
}

interface SessionLookup {
  readonly session: FetchSession | null;
  readonly targets: readonly FetchTarget[];
  readonly isIncremental: boolean;
  readonly errorCode: number;
}

/** The rules of fetch sessions (T59). */
function sessionOf(
  sessions: FetchSessionCache,
  request: FetchRequest,
  usesTopicIds: boolean,
): SessionLookup {
  const { sessionId, sessionEpoch } = request;
  const targets = targetsOf(request);
  const without = { session: null, targets, isIncremental: false, errorCode: 0 };
  if (sessionEpoch === NO_EPOCH || sessionEpoch === INITIAL_EPOCH) {
    if (sessionId !== 0) sessions.remove(sessionId);
    if (sessionEpoch === NO_EPOCH) return without;
    const session = sessions.create(usesTopicIds, targets.length);
    if (session === undefined) return without;
    for (const target of targets) session.put(target);
    return { ...without, session };
  }
  const session = sessions.get(sessionId);
  if (session === undefined) {
    return { ...without, errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND };
  }
  if (session.epoch !== sessionEpoch) {
    return { ...without, errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH };
  }
  if (session.usesTopicIds !== usesTopicIds) {
    return { ...without, errorCode: ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR };
  }
  if (!targets.every((target) => session.put(target))) {
    // Too many now: the client asks for a new session with all of them and is served without one.
    sessions.remove(session.id);
    return { ...without, errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND };
  }
  for (const topic of request.forgottenTopicsData) {
    const key = usesTopicIds ? topic.topicId : topic.topic;
    for (const index of topic.partitions) session.remove(key, index);
  }
  session.advanceEpoch();
  sessions.touch(session);
  if (session.targets.size === 0) {
    sessions.remove(session.id);
    return { ...without, targets: [] };
  }
  return { session, targets, isIncremental: true, errorCode: 0 };
}

function targetsOf(request: FetchRequest): FetchTarget[] {
  const targets: FetchTarget[] = [];
  for (const topic of request.topics) {
    for (const partition of topic.partitions) {
      targets.push({
        topic: topic.topic ?? '',
        topicId: topic.topicId ?? ZERO_UUID,
        index: partition.partition,
        fetchOffset: partition.fetchOffset,
        maxBytes: partition.partitionMaxBytes,
        currentLeaderEpoch: partition.currentLeaderEpoch,
        lastFetchedEpoch: partition.lastFetchedEpoch,
        sentHighWatermark: -2,
        sentLogStartOffset: -2,
      });
    }
  }
  return targets;
}

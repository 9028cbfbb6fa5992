import { ErrorCode, GapReason, OnLoss, Outcome, StartKind } from '@millrace/gateway-protocol';
import type { Bounds, Position } from '../upstream-contract.ts';
import { UpstreamError } from '../upstream-error.ts';
import type { PositionQueries } from './position-queries.ts';

/** What to do about loss, each an `OnLoss`. */
export interface LossRules {
  readonly onGap: number;
  readonly onDiverged: number;
  readonly onRecreated: number;
}

/** Where a subscription wants to start (§10.3). */
export interface StartRequest extends LossRules {
  readonly topic: string;
  /** False on clusters without topic ids: a lower epoch is then the only sign of a re-created topic. */
  readonly hasTopicId: boolean;
  readonly isolation: number;
  /** A `StartKind`. */
  readonly kind: number;
  /** By partition: operand of OFFSETS, what a name has committed, or what the resume token says. */
  readonly positions: ReadonlyMap<number, Position>;
  readonly timestampMs: number;
  readonly lastN: number;
  /** The client's position was in a topic of this name that is gone. */
  readonly isRecreated: boolean;
}

/** Answer to "where does this partition start" (§10.4). Offsets are -1 where they say nothing. */
export interface ResolvedStart {
  /** An `Outcome`. */
  readonly outcome: number;
  /** An `ErrorCode` with FAILED and with outcomes that end the subscription. */
  readonly code: number;
  readonly leaderEpoch: number;
  readonly startOffset: number;
  readonly logStart: number;
  readonly highWatermark: number;
  readonly lostFrom: number;
  readonly lostTo: number;
  /** Follows the outcome: `[from, to)` will not be delivered. */
  readonly gap: { readonly from: number; readonly to: number; readonly reason: number } | null;
  /** Where delivery begins; null: not yet (PENDING), or never. */
  readonly next: Position | null;
}

/** Finds the start of one partition. Never rejects: what goes wrong is an outcome. */
export async function resolveStart(
  queries: PositionQueries,
  request: StartRequest,
  partition: number,
): Promise<ResolvedStart> {
  try {
    const bounds = await queries.bounds(request.topic, partition, request.isolation);
    if (request.isRecreated) return recreated(bounds, request);
    return await startOf(queries, request, partition, bounds);
  } catch (error) {
    const code = error instanceof UpstreamError ? error.code : ErrorCode.INTERNAL;
    if (code === ErrorCode.LEADER_UNAVAILABLE) return waiting(request.positions.get(partition));
    return { ...NOTHING_KNOWN, outcome: Outcome.FAILED, code };
  }
}

async function startOf(
  queries: PositionQueries,
  request: StartRequest,
  partition: number,
  bounds: Bounds,
): Promise<ResolvedStart> {
  const { logStart, end } = bounds;
  const given = request.positions.get(partition);
  switch (request.kind) {
    case StartKind.EARLIEST:
    case StartKind.KEY_SNAPSHOT:
      return deliver(bounds, logStart, Outcome.EXACT);
    case StartKind.LAST_N:
      return deliver(bounds, Math.max(logStart, end - request.lastN), Outcome.EXACT);
    case StartKind.TIMESTAMP: {
      const { topic, timestampMs, isolation } = request;
      const found = await queries.offsetForTime(topic, partition, timestampMs, isolation);
      const offset = found === null ? end : Math.max(found.offset, logStart);
      const isTrimmed = found !== null && offset === logStart && logStart > 0;
      return deliver(bounds, offset, isTrimmed ? Outcome.TRIMMED : Outcome.EXACT);
    }
    case StartKind.COMMITTED:
      if (given === undefined) return deliver(bounds, end, Outcome.TRIMMED);
      return settle(queries, request, partition, bounds, given);
    case StartKind.OFFSETS:
      if (given === undefined) return deliver(bounds, end, Outcome.EXACT);
      return settle(queries, request, partition, bounds, given);
    case StartKind.RESUME:
      // A partition that the token does not know was created later.
      if (given === undefined) return deliver(bounds, logStart, Outcome.EXACT);
      return settle(queries, request, partition, bounds, given);
    default:
      return deliver(bounds, end, Outcome.EXACT);
  }
}

/** A position that the client names: honoured exactly, or answered with what became of it. */
async function settle(
  queries: PositionQueries,
  request: StartRequest,
  partition: number,
  bounds: Bounds,
  wanted: Position,
): Promise<ResolvedStart> {
  const { offset, leaderEpoch } = wanted;
  if (leaderEpoch >= 0) {
    if (!request.hasTopicId && bounds.leaderEpoch < leaderEpoch) return recreated(bounds, request);
    const known = await queries.epochEnd(request.topic, partition, leaderEpoch);
    if (known.endOffset >= 0 && known.endOffset < offset)
      return diverged(bounds, request, known.endOffset, offset);
    if (offset > bounds.highWatermark && known.endOffset >= 0) return waiting(wanted);
  }
  if (offset < bounds.logStart) return gone(bounds, request, offset);
  if (offset > bounds.highWatermark)
    return { ...told(bounds), outcome: Outcome.FAILED, code: ErrorCode.OFFSET_OUT_OF_RANGE };
  return { ...deliver(bounds, offset, Outcome.EXACT), next: wanted };
}

function gone(bounds: Bounds, rules: LossRules, wanted: number): ResolvedStart {
  const loss = {
    ...told(bounds),
    outcome: Outcome.GAP,
    startOffset: wanted,
    lostFrom: wanted,
    lostTo: bounds.logStart,
  };
  switch (rules.onGap) {
    case OnLoss.NEAREST:
      return skip(loss, wanted, bounds.logStart, GapReason.RETENTION);
    case OnLoss.LATEST:
      return skip(loss, wanted, bounds.end, GapReason.RESET);
    default:
      return { ...loss, code: ErrorCode.GAP };
  }
}

function diverged(bounds: Bounds, rules: LossRules, at: number, wanted: number): ResolvedStart {
  const loss = {
    ...told(bounds),
    outcome: Outcome.DIVERGED,
    startOffset: at,
    lostFrom: at,
    lostTo: wanted,
  };
  switch (rules.onDiverged) {
    case OnLoss.NEAREST:
      // Retention may have passed the place where the histories part.
      if (at < bounds.logStart) return skip(loss, at, bounds.logStart, GapReason.RETENTION);
      return { ...loss, next: { offset: at, leaderEpoch: -1 } };
    case OnLoss.LATEST:
      return skip(loss, at, bounds.end, GapReason.RESET);
    default:
      return { ...loss, code: ErrorCode.DIVERGED };
  }
}

function recreated(bounds: Bounds, rules: LossRules): ResolvedStart {
  const { logStart, end } = bounds;
  const loss = { ...told(bounds), outcome: Outcome.RECREATED, startOffset: logStart };
  switch (rules.onRecreated) {
    case OnLoss.NEAREST:
      return { ...loss, next: { offset: logStart, leaderEpoch: -1 } };
    case OnLoss.LATEST:
      return skip(loss, logStart, end, GapReason.RESET);
    default:
      return { ...loss, code: ErrorCode.RECREATED };
  }
}

function skip(loss: ResolvedStart, from: number, to: number, reason: number): ResolvedStart {
  const gap = from < to ? { from, to, reason } : null;
  return { ...loss, gap, next: { offset: Math.max(from, to), leaderEpoch: -1 } };
}

function deliver(bounds: Bounds, startOffset: number, outcome: number): ResolvedStart {
  return {
    ...told(bounds),
    outcome,
    startOffset,
    next: { offset: startOffset, leaderEpoch: -1 },
  };
}

function waiting(wanted: Position | undefined): ResolvedStart {
  return { ...NOTHING_KNOWN, outcome: Outcome.PENDING, startOffset: wanted?.offset ?? -1 };
}

function told({ leaderEpoch, logStart, highWatermark }: Bounds): ResolvedStart {
  return { ...NOTHING_KNOWN, leaderEpoch, logStart, highWatermark };
}

/** PENDING, and nothing said about the partition. */
export const NOTHING_KNOWN: ResolvedStart = {
  outcome: Outcome.PENDING,
  code: 0,
  leaderEpoch: -1,
  startOffset: -1,
  logStart: -1,
  highWatermark: -1,
  lostFrom: -1,
  lostTo: -1,
  gap: null,
  next: null,
};

/** The same answers for a position that was lost during life; `outcome` has exact bounds already. */
export function resolveLoss(
  bounds: Bounds,
  rules: LossRules,
  loss: { readonly kind: 'GAP' | 'DIVERGED'; readonly lostFrom: number; readonly lostTo: number },
): ResolvedStart {
  const { lostFrom, lostTo } = loss;
  if (loss.kind === 'DIVERGED') return diverged(bounds, rules, lostFrom, lostTo);
  return gone({ ...bounds, logStart: lostTo }, rules, lostFrom);
}

import { ErrorCode } from '@millrace/protocol';

/** Compares the leader epoch a client knows (-1 or absent: no check) with ours (T57). 0 when it may go on. */
export function leaderEpochError(asked: number | undefined, ours: number): number {
  if (asked === undefined || asked < 0 || asked === ours) return ErrorCode.NONE;
  return asked < ours ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH;
}

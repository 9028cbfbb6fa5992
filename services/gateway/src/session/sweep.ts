import { CloseCode, ErrorCode } from '@millrace/gateway-protocol';
import type { Connection } from './connection.ts';
import { finish, sendAway } from './goaway.ts';

/**
 * Each connection is looked at as often as this while it arrives or leaves, else once a second: the others are spread over
 * as many sweeps, so that no sweep is long enough to hold records up.
 */
export const SWEEP_MS = 20;
/** TokenExpiring comes so long before the end (§16.3). */
const EXPIRY_NOTICE_MS = 60_000;
/** A token that takes so long to check waits for keys that do not come. */
const AUTHENTICATION_MS_MAX = 30_000;

/** Sums over all connections; complete after a whole second. */
export interface SweepSums {
  unsentBytes: number;
  unsentMax: number;
  controlBytes: number;
  stalled: number;
  streams: number;
}

/** One pass over those who are due. */
export interface SweepPass {
  /** Monotonic. */
  readonly nowMs: number;
  /** Unix ms. */
  readonly wallMs: number;
  readonly sums: SweepSums;
}

/**
 * Acts on whatever is due for a connection.
 *
 * @param hasItsSecond it is looked at whole, as it is once a second
 */
export function sweep(connection: Connection, pass: SweepPass, hasItsSecond: boolean): void {
  const { nowMs } = pass;
  switch (connection.state) {
    case 'READY':
      if (nowMs >= connection.goawayMs) sendAway(connection, connection.farewell);
      break;
    case 'DRAINING':
      finish(connection, nowMs);
      break;
    case 'HELLO_WAIT':
      if (nowMs - connection.openedMs >= connection.parts.config.helloTimeoutMs)
        connection.fail(CloseCode.HELLO_TIMEOUT, ErrorCode.BAD_REQUEST, 'No Hello came.');
      return;
    case 'AUTHENTICATING':
      if (nowMs - connection.openedMs >= AUTHENTICATION_MS_MAX)
        connection.fail(CloseCode.OVERLOADED, ErrorCode.OVERLOADED, 'Tokens cannot be checked.');
      return;
    case 'CLOSED':
      return;
  }
  if (connection.isOpen && hasItsSecond) everySecond(connection, pass);
}

function everySecond(connection: Connection, { nowMs, wallMs, sums }: SweepPass): void {
  const unsentBytes = connection.socket.unsentBytes();
  if (isStalled(connection, nowMs, unsentBytes)) {
    connection.fail(CloseCode.SOCKET_STALLED, ErrorCode.SLOW_CONSUMER, 'The socket takes nothing.');
    return;
  }
  if (connection.heartbeat.isDead(nowMs, connection.parts.config)) {
    connection.fail(CloseCode.NO_PONG, ErrorCode.BAD_REQUEST, 'Nothing was heard.');
    return;
  }
  checkToken(connection, wallMs);
  if (!connection.isOpen) return;
  if (connection.heartbeat.pingDue(nowMs, connection.parts.config)) sendPing(connection);
  if (connection.hasSubscriptions) {
    connection.subscriptions.endExpired(wallMs);
    connection.sendProgress(true);
    sums.streams += connection.subscriptions.streamCount;
  }
  if (connection.isPublishReduced && !connection.parts.publisher.isBusy)
    connection.widenPublishing();
  sums.unsentBytes += unsentBytes;
  sums.unsentMax = Math.max(sums.unsentMax, unsentBytes);
  sums.controlBytes += connection.control.bytes;
  if (unsentBytes > 0) sums.stalled++;
}

/** Unsent bytes, and none of them left for too long. */
function isStalled(connection: Connection, nowMs: number, unsentBytes: number): boolean {
  if (unsentBytes === 0) {
    connection.stalledSinceMs = -1;
    return false;
  }
  if (connection.stalledSinceMs < 0) connection.stalledSinceMs = Math.floor(nowMs);
  return nowMs - connection.stalledSinceMs >= connection.parts.config.socketStallMs;
}

function checkToken(connection: Connection, nowMs: number): void {
  const { expiresAtMs, isWarnedOfExpiry } = connection;
  if (nowMs >= expiresAtMs)
    connection.fail(CloseCode.TOKEN_EXPIRED, ErrorCode.TOKEN_EXPIRED, 'The token has expired.');
  else if (!isWarnedOfExpiry && nowMs >= expiresAtMs - EXPIRY_NOTICE_MS) {
    connection.isWarnedOfExpiry = true;
    connection.send({ kind: 'tokenExpiring', tokenExpiresMs: BigInt(expiresAtMs) });
  }
}

function sendPing(connection: Connection): void {
  const { clock, random } = connection.parts;
  connection.send({ kind: 'ping', nonce: random.uint32(), sentMs: BigInt(clock.nowMs()) });
}

import { CONTROL_FRAME_BYTES_MAX, type SubscriptionToken } from '@millrace/gateway-protocol';
import type { Connection } from './connection.ts';
import type { Farewell } from './farewell.ts';

/** Longest wait for results of what was published before; then they are unknown (§17). */
const PUBLISH_WAIT_MS = 10_000;

/** Progress of every stream, then Goaway; delivery goes on until `finish`. */
export function sendAway(connection: Connection, farewell: Farewell): void {
  if (!connection.isWelcomed || connection.isDraining) return;
  const { config, clock, metrics } = connection.parts;
  const { code, reconnectAfterMs } = farewell;
  const closesInMs = config.drainCloseAfterMs;
  connection.sendProgress();
  const tokens = tokensOf(connection);
  connection.send({ kind: 'goaway', code, reconnectAfterMs, closesInMs, tokens });
  metrics.goaways.with(String(code)).add();
  connection.farewell = farewell;
  connection.draining(clock.monotonicMs() + closesInMs);
}

/** The end of a connection that was sent away: last results, Progress of every stream, close. */
export function finish(connection: Connection, nowMs: number): void {
  const { closeMs, farewell } = connection;
  if (nowMs < closeMs) return;
  if (connection.publishesInFlight > 0) {
    if (nowMs < closeMs + PUBLISH_WAIT_MS) return;
    connection.giveUpPublishes();
  }
  connection.sendProgress();
  connection.end(farewell.closeCode, 'going away');
}

/** What a Goaway takes beside its tokens, and each of them beside its bytes, at most. */
const FRAME_BYTES = 128;
const TOKEN_BYTES = 36;

/** The resume token of each subscription; none when they do not fit a control frame together. */
function tokensOf(connection: Connection): SubscriptionToken[] {
  if (!connection.hasSubscriptions) return [];
  const tokens: SubscriptionToken[] = [];
  let bytes = FRAME_BYTES;
  for (const subscription of connection.subscriptions.all()) {
    const token = subscription.token();
    if (token === null) continue;
    // JSON has them as base64.
    bytes += TOKEN_BYTES + (connection.isText ? Math.ceil((token.length * 4) / 3) : token.length);
    tokens.push({ sub: subscription.plan.sub, token });
  }
  return bytes > CONTROL_FRAME_BYTES_MAX ? [] : tokens;
}

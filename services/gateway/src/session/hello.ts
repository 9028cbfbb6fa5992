import {
  Caps,
  CloseCode,
  CONNECTION_WINDOW_BYTES_DEFAULT,
  clusterTag,
  ErrorCode,
  FILTER_BYTES_MAX,
  FILTER_DEPTH_MAX,
  FILTER_NODES_MAX,
  FILTER_VALUES_MAX,
  FRAMES_PER_MESSAGE_MAX,
  type Hello,
  toBase64Url,
} from '@millrace/gateway-protocol';
import { AuthError } from '../auth/auth-error.ts';
import type { Principal } from '../auth/principal.ts';
import { tokenEndMs } from '../auth/token-verifier.ts';
import type { Connection } from './connection.ts';

const PROTOCOL = 1;
const NO_CODECS: readonly number[] = [];
const SERVER_CAPS =
  Caps.PUBLISH |
  Caps.COMMIT |
  Caps.CONFLATE |
  Caps.KEY_SNAPSHOT |
  Caps.PUBLISH_BATCH |
  Caps.HIDE_WATERMARK;
/** Told to clients that come while memory is short. */
const OVERLOADED_RETRY_MS = 5000;

/** Connections of each principal, counted by the table of sessions. */
export interface PrincipalCounts {
  /** False when the principal has too many connections. */
  admit(connection: Connection, principal: Principal): boolean;
}

/** The first frame: who is it, and may it come in (§3). Never rejects. */
export async function hello(
  connection: Connection,
  frame: Hello,
  counts: PrincipalCounts,
): Promise<void> {
  const { parts, context } = connection;
  const startedMs = parts.clock.monotonicMs();
  connection.authenticating();
  if (frame.protocol !== PROTOCOL) {
    connection.fail(
      CloseCode.PROTOCOL_VERSION,
      ErrorCode.UNSUPPORTED,
      'Only protocol 1 is spoken.',
    );
    return;
  }
  if (frame.token !== null && context.bearer !== null && frame.token !== context.bearer) {
    connection.fail(CloseCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN, 'Two different tokens.');
    return;
  }
  if (parts.memory.ratio > parts.config.admissionHigh) {
    const text = 'The gateway is full.';
    connection.fail(CloseCode.OVERLOADED, ErrorCode.OVERLOADED, text, OVERLOADED_RETRY_MS);
    return;
  }
  const producerSession =
    frame.producerSession === null ? null : toBase64Url(frame.producerSession);
  const creditBytes = frame.credit === 0 ? CONNECTION_WINDOW_BYTES_DEFAULT : frame.credit;
  const caps = frame.caps & SERVER_CAPS;
  const codecs = frame.codecs.length === 0 ? NO_CODECS : [...frame.codecs];
  const principal = await authenticate(connection, frame.token ?? context.bearer);
  if (principal === null || !connection.isOpen) return;
  if (!counts.admit(connection, principal)) {
    connection.fail(CloseCode.CONNECTION_LIMIT, ErrorCode.LIMIT, 'Too many connections.');
    return;
  }
  const expiresAtMs = tokenEndMs(principal, parts.clock.nowMs());
  connection.welcomed({ principal, expiresAtMs, caps, codecs, creditBytes, producerSession });
  startTimers(connection);
  sendWelcome(connection);
  parts.metrics.hello.with().record(parts.clock.monotonicMs() - startedMs);
}

async function authenticate(
  connection: Connection,
  token: string | null,
): Promise<Principal | null> {
  const { authenticator } = connection.parts;
  try {
    return await authenticator.verify(token, connection.context.address);
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    connection.fail(error.closeCode, error.errorCode, error.message, error.retryAfterMs);
    return null;
  }
}

function startTimers(connection: Connection): void {
  const { config, clock, random } = connection.parts;
  const nowMs = clock.monotonicMs();
  connection.heartbeat.start(nowMs, config, random.float());
  // The lifetime, give or take a tenth, so that those who came together do not go together.
  const lifetimeMs = config.connectionLifetimeMs * (0.9 + 0.2 * random.float());
  connection.goawayMs = Math.floor(nowMs + lifetimeMs);
}

function sendWelcome(connection: Connection): void {
  const { parts, caps, principal, socket } = connection;
  const { config, clock, upstream, node, publisher } = parts;
  const canPublish = (caps & Caps.PUBLISH) !== 0;
  connection.isPublishReduced = canPublish && publisher.isBusy;
  const window = publisher.window(connection.isPublishReduced);
  const { limits } = principal.grants;
  connection.send({
    kind: 'welcome',
    connection: String(socket.id),
    node,
    protocol: PROTOCOL,
    caps,
    limits: {
      messageBytes: config.inboundMessageMaxBytes,
      frames: FRAMES_PER_MESSAGE_MAX,
      subscriptions: Math.min(config.subscriptionsMax, limits.subscriptions ?? Infinity),
      streams: Math.min(config.streamsMax, limits.streams ?? Infinity),
      filterNodes: FILTER_NODES_MAX,
      filterDepth: FILTER_DEPTH_MAX,
      filterValues: FILTER_VALUES_MAX,
      filterBytes: FILTER_BYTES_MAX,
      recordBytes: config.recordMaxBytes,
      publishBytes: config.publishMaxBytes,
    },
    pingIntervalMs: config.pingIntervalMs,
    pongGraceMs: config.pongGraceMs,
    serverTimeMs: BigInt(clock.nowMs()),
    tokenExpiresMs: BigInt(principal.expiresAtMs),
    clusterTag: clusterTag(upstream.clusterId),
    publishRecords: canPublish ? window.records : 0,
    publishBytes: canPublish ? window.bytes : 0,
    sessionLastSeq: BigInt(canPublish ? connection.lastSeq : -1),
  });
}

import {
  type ClientFrame,
  CloseCode,
  type Credit,
  ErrorCode,
  type Ping,
  Scope,
  WINDOW_BYTES_MAX,
} from '@millrace/gateway-protocol';
import { sessionLimits } from '../limits.ts';
import { commit } from './commit.ts';
import type { Connection } from './connection.ts';
import { refresh } from './token-refresh.ts';

type Handlers = {
  readonly [K in ClientFrame['kind']]: (
    connection: Connection,
    frame: Extract<ClientFrame, { kind: K }>,
  ) => void;
};

/** What each frame of a welcomed client does. */
const HANDLERS: Handlers = {
  hello: (connection) => protocolError(connection, 'A second Hello.'),
  auth: (connection, frame) => request(connection, frame.req, () => refresh(connection, frame)),
  subscribe: (connection, frame) =>
    request(connection, frame.req, async () => {
      if (connection.isDraining)
        connection.refuse(frame.req, ErrorCode.GOING_AWAY, 'The gateway is going away.');
      else await connection.subscriptions.subscribe(frame);
    }),
  unsubscribe: (connection, frame) => {
    const { subscriptions } = connection;
    const act = (): void => subscriptions.unsubscribe(frame);
    // What frees something was paid for by its Subscribe: refused, the client would be sent what it has no use for.
    if (subscriptions.has(frame.sub)) act();
    else request(connection, frame.req, act);
  },
  commit: (connection, frame) => request(connection, frame.req, () => commit(connection, frame)),
  credit: (connection, frame) => small(connection, () => addCredit(connection, frame)),
  pause: (connection, { sub }) =>
    small(connection, () => connection.subscriptions.setPaused(sub, true)),
  resume: (connection, { sub }) =>
    small(connection, () => {
      connection.subscriptions.setPaused(sub, false);
      connection.parts.fanOut.wake(connection);
    }),
  publish: (connection, frame) => connection.publishing.publish(frame),
  publishBatch: (connection, frame) => connection.publishing.publishBatch(frame),
  ping: (connection, frame) => small(connection, () => answerPing(connection, frame)),
  pong: (connection) => small(connection, () => {}),
};

/** Acts on one frame of a welcomed client. */
export function handleFrame(connection: Connection, frame: ClientFrame): void {
  const handler = HANDLERS[frame.kind] as (connection: Connection, frame: ClientFrame) => void;
  handler(connection, frame);
}

/** Error, then 4501: what cannot be understood, or comes out of turn. */
export function protocolError(connection: Connection, message: string): void {
  connection.fail(CloseCode.BAD_FRAME, ErrorCode.BAD_REQUEST, message);
}

/** A frame with an answer: not too many a second, not too many at once, no number twice. */
function request(connection: Connection, req: number, act: () => Promise<void> | void): void {
  const { openRequests, parts } = connection;
  if (!connection.conduct.mayRequest(parts.clock.monotonicMs(), parts.config.requestsPerSecond)) {
    connection.refuse(req, ErrorCode.OVERLOADED, 'Too many requests.');
    connection.strike();
    return;
  }
  if (openRequests.includes(req)) {
    connection.refuse(req, ErrorCode.BAD_REQUEST, 'A request of this number is open.');
    return;
  }
  if (openRequests.length >= sessionLimits.openRequestsMax) {
    connection.refuse(req, ErrorCode.LIMIT, 'Too many open requests.');
    return;
  }
  const done = act();
  if (done === undefined) return;
  connection.openRequests = [...openRequests, req];
  done
    .catch((error: unknown) => connection.broken(error))
    .finally(() => connection.closeRequest(req));
}

/** A frame without a cost worth counting one by one. */
function small(connection: Connection, act: () => void): void {
  if (connection.conduct.maySendSmallFrame(connection.parts.clock.monotonicMs())) act();
  else connection.strike();
}

function addCredit(connection: Connection, { sub, add }: Credit): void {
  let fits = true;
  if (sub !== 0) fits = connection.subscriptions.addCredit(sub, add);
  else if (connection.creditBytes + add > WINDOW_BYTES_MAX) fits = false;
  else connection.creditBytes += add;
  if (!fits)
    connection.error(
      sub === 0 ? Scope.CONNECTION : Scope.SUBSCRIPTION,
      sub,
      ErrorCode.BAD_REQUEST,
      'The window is at most 16 MiB.',
    );
  else connection.parts.fanOut.wake(connection);
}

function answerPing(connection: Connection, { nonce, sentMs }: Ping): void {
  const { clock } = connection.parts;
  if (!connection.conduct.mayPing(clock.monotonicMs())) {
    connection.error(Scope.CONNECTION, 0, ErrorCode.OVERLOADED, 'One Ping a second.');
    connection.strike();
    return;
  }
  connection.send({ kind: 'pong', nonce, sentMs, receivedMs: BigInt(clock.nowMs()) });
}

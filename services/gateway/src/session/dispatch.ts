import {
  type ClientFrame,
  clientLimits,
  ErrorCode,
  helloLimits,
  type MessageReading,
  type RefusedFrame,
  readJsonMessage,
  readMessage,
  Scope,
} from '@millrace/gateway-protocol';
import type { Connection } from './connection.ts';
import { handleFrame, protocolError } from './frame-handlers.ts';
import { hello, type PrincipalCounts } from './hello.ts';

/** Reads one message of a client and acts on its frames, in order. `data` is borrowed. */
export function dispatch(
  connection: Connection,
  data: Uint8Array,
  isText: boolean,
  counts: PrincipalCounts,
): void {
  const { metrics, clock } = connection.parts;
  connection.heartbeat.heard(clock.monotonicMs());
  if (isText !== connection.isText) {
    protocolError(connection, 'A message of the wrong kind for this subprotocol.');
    return;
  }
  const reading = read(connection, data);
  if (!reading.ok) {
    metrics.framesRejected.with(reading.check).add();
    connection.fail(reading.closeCode, reading.errorCode, reading.message);
    return;
  }
  for (const frame of reading.frames) {
    if (!connection.isOpen) return;
    if (frame.kind === 'refused') refuse(connection, frame);
    else {
      metrics.framesIn.with(frame.kind).add();
      act(connection, frame, counts);
    }
  }
  connection.flush();
}

function read(connection: Connection, data: Uint8Array): MessageReading<ClientFrame> {
  const limits = connection.isWelcomed ? clientLimits : helloLimits;
  const reading = connection.isText
    ? readJsonMessage(data, 'toServer', limits)
    : readMessage(data, 'toServer', limits);
  return reading as MessageReading<ClientFrame>;
}

function act(connection: Connection, frame: ClientFrame, counts: PrincipalCounts): void {
  if (connection.isWelcomed) handleFrame(connection, frame);
  else if (connection.state !== 'HELLO_WAIT' || frame.kind !== 'hello')
    protocolError(connection, 'The first frame is Hello, the next one follows Welcome.');
  else hello(connection, frame, counts).catch((error: unknown) => connection.broken(error));
}

/** A frame that was understood but cannot be honoured (V8); the connection lives. */
function refuse(connection: Connection, frame: RefusedFrame): void {
  connection.parts.metrics.framesRejected.with(frame.check).add();
  const { req, sub, seq, count, message } = frame;
  if (!connection.isWelcomed) {
    protocolError(connection, message);
    return;
  }
  if (frame.frame === 'publish' || frame.frame === 'publishBatch')
    connection.send({ kind: 'pubResult', seq, count, code: ErrorCode.BAD_REQUEST });
  else if (req === 0 && sub !== 0)
    connection.error(Scope.SUBSCRIPTION, sub, ErrorCode.BAD_REQUEST, message);
  else connection.refuse(req, ErrorCode.BAD_REQUEST, message);
  connection.strike();
}

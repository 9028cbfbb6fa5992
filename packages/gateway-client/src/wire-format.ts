import {
  encodeFrame,
  type FrameInput,
  type MessageReading,
  readMessage,
  type ServerFrame,
  serverLimits,
} from '@millrace/gateway-protocol';

/** One of the two ways in which frames travel. */
export interface WireFormat {
  readonly subprotocol: string;
  encode(frame: FrameInput): string | Uint8Array<ArrayBuffer>;
  /** Verifies and decodes a message of the server; null when it is of the wrong kind. */
  read(data: unknown): MessageReading<ServerFrame> | null;
}

export const binaryFormat: WireFormat = {
  subprotocol: 'millrace.v1.fb',
  // Its memory is never shared, which its type does not say and WebSocket.send wants to know.
  encode: (frame) => encodeFrame(frame) as Uint8Array<ArrayBuffer>,
  read: (data) =>
    data instanceof ArrayBuffer
      ? readMessage(new Uint8Array(data), 'toClient', serverLimits)
      : null,
};

import { encodeJsonFrame, readJsonMessage, serverLimits } from '@millrace/gateway-protocol';
import type { WireFormat } from './wire-format.ts';

/** Loaded only when it is asked for. */
export const jsonFormat: WireFormat = {
  subprotocol: 'millrace.v1.json',
  encode: (frame) => (frame.kind === 'records' ? '' : encodeJsonFrame(frame)),
  read: (data) =>
    typeof data === 'string' ? readJsonMessage(data, 'toClient', serverLimits) : null,
};

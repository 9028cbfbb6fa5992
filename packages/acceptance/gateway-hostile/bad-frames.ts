import { randomBytes } from 'node:crypto';
import { encodeFrame } from '@millrace/gateway-protocol';
import { Opcode, webSocketFrame } from './raw-web-socket.ts';

const PING = encodeFrame({ kind: 'ping', nonce: 1 });
const MESSAGE_BYTES_MAX = 65_536;

/** What ends a connection that speaks the binary subprotocol, by what is wrong with it. */
export const CLOSING_MESSAGES: Readonly<Record<string, () => Buffer>> = {
  'a reserved bit': () => webSocketFrame(Opcode.BINARY, PING, { reserved: 2 }),
  'a compressed message that nobody agreed on': () =>
    webSocketFrame(Opcode.BINARY, PING, { reserved: 4 }),
  'a reserved opcode': () => webSocketFrame(3, PING),
  'a length of 2^63': () => webSocketFrame(Opcode.BINARY, PING, { length: 1n << 63n }),
  'a length of 2^32': () => webSocketFrame(Opcode.BINARY, PING, { length: 1n << 32n }),
  'a length one above the limit': () =>
    webSocketFrame(Opcode.BINARY, PING, { length: BigInt(MESSAGE_BYTES_MAX + 1) }),
  'fragments above the limit': () =>
    Buffer.concat([
      webSocketFrame(Opcode.BINARY, Buffer.alloc(40_000), { isLast: false }),
      webSocketFrame(Opcode.MORE, Buffer.alloc(40_000)),
    ]),
  'a continuation of nothing': () => webSocketFrame(Opcode.MORE, PING),
  'a ping of 126 bytes': () => webSocketFrame(Opcode.PING, Buffer.alloc(126)),
  'a ping in fragments': () => webSocketFrame(Opcode.PING, PING, { isLast: false }),
  'a close frame of one byte': () => webSocketFrame(Opcode.CLOSE, Buffer.of(3)),
  'text where frames are binary': () => webSocketFrame(Opcode.TEXT, Buffer.from('{"t":"ping"}')),
  'text that is no UTF-8': () => webSocketFrame(Opcode.TEXT, Buffer.of(0xc3, 0x28)),
  'another frame before Hello': () => webSocketFrame(Opcode.BINARY, PING),
  'an empty message': () => webSocketFrame(Opcode.BINARY, Buffer.alloc(0)),
  zeros: () => webSocketFrame(Opcode.BINARY, Buffer.alloc(64)),
  noise: () => webSocketFrame(Opcode.BINARY, randomBytes(512)),
};

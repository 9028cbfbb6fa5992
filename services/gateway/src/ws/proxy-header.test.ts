import { connect } from 'node:net';
import { expect, test } from 'vitest';
import type { UpgradeRequest } from './socket-server.ts';
import { UwsSocketServer } from './uws-socket-server.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const PROXY_V4 = `${SIGNATURE}2111000c${'cb007109'}${'7f000001'}12341f90`;
const PROXY_V6 = `${SIGNATURE}21210024${'20010db8000000000000000000000001'}${'0'.repeat(31)}112341f90`;
/** A health check of the proxy itself. */
const LOCAL = `${SIGNATURE}20000000`;

const UPGRADE = [
  'GET /v1/ws HTTP/1.1',
  'Host: gateway.test',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: millrace.v1.fb',
];

interface Seen extends UpgradeRequest {
  readonly forwardedFor: string;
}

/** What the upgrade saw of a client whose bytes begin with `header`; null when it was not asked. */
async function seenOf(header: string, ...lines: string[]): Promise<Seen | null> {
  let seen: Seen | null = null;
  const server = new UwsSocketServer({
    messageBytesMax: 1024,
    handlers: {
      upgrade(request) {
        seen = { ...request, forwardedFor: request.headerLines('x-forwarded-for') };
        return { reject: 403 };
      },
      open: () => {},
      message: () => {},
      drain: () => {},
      close: () => {},
      dropped: () => {},
    },
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve) => {
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.on('data', () => resolve());
    const text = [...UPGRADE, ...lines, '\r\n'].join('\r\n');
    socket.write(Buffer.concat([Buffer.from(header, 'hex'), Buffer.from(text)]));
  });
  socket.destroy();
  server.destroyAll();
  return seen;
}

test.each([
  ['none', '', ''],
  ['IPv4', PROXY_V4, '203.0.113.9'],
  ['IPv6', PROXY_V6, '2001:db8:0:0:0:0:0:1'],
  ['of the proxy itself', LOCAL, ''],
])('a PROXY header: %s', async (_, header, proxiedAddress) => {
  expect(await seenOf(header)).toMatchObject({ peerAddress: '127.0.0.1', proxiedAddress });
});

test.each([
  ['none', [], ''],
  ['one', ['X-Forwarded-For: 203.0.113.9'], '203.0.113.9'],
  [
    "of the client, and the proxy's own behind it",
    ['X-Forwarded-For: 1.2.3.4', 'X-Forwarded-For: 203.0.113.9, 192.0.2.7'],
    '1.2.3.4,203.0.113.9, 192.0.2.7',
  ],
])('lines of X-Forwarded-For: %s', async (_, lines, forwardedFor) => {
  expect(await seenOf('', ...lines)).toMatchObject({ forwardedFor });
});

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { freePort } from '@millrace/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { addressText, networkOf } from './address-text.ts';
import { MemorySocketServer } from './memory-socket-server.ts';
import type { Socket, SocketHandlers, SocketServer, UpgradeAnswer } from './socket-server.ts';
import { ListenError } from './socket-server.ts';
import { UwsSocketServer } from './uws-socket-server.ts';

/** One client of either body, seen alike. */
interface Peer {
  readonly received: { readonly text: string; readonly isText: boolean }[];
  readonly closeCode: () => number | null;
  send(text: string, isText: boolean): void;
  close(): void;
}

interface Bench {
  readonly server: SocketServer;
  readonly events: string[];
  readonly sockets: Socket[];
  /** The HTTP status is not visible to a real client: then null. */
  connect(url?: string): Promise<Peer | null>;
}

const utf8 = new TextEncoder();
/** Until the expectations hold, on a busy machine too. */
const soon = (expectations: () => void): Promise<void> =>
  vi.waitFor(expectations, { timeout: 30_000, interval: 10 });
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function handlersFor(events: string[], sockets: Socket[]): SocketHandlers {
  return {
    upgrade(request): UpgradeAnswer {
      if (request.path === '/no') return { reject: 403, headers: { 'x-why': 'no' } };
      return { accept: request.header('sec-websocket-protocol'), context: request.query };
    },
    open(socket) {
      events.push(`open ${String(socket.context)}`);
      sockets.push(socket);
    },
    message(socket, data, isText) {
      events.push(`message ${text(data)} ${isText}`);
      if (text(data) === 'twice')
        socket.cork(() => {
          socket.send(utf8.encode('one'), isText);
          socket.send(utf8.encode('two'), isText);
        });
      if (text(data) === 'end') socket.end(4001, 'over');
    },
    drain: () => events.push('drain'),
    close: (_socket, code) => events.push(`close ${code}`),
    dropped: () => events.push('dropped'),
  };
}

const opened: SocketServer[] = [];
afterEach(() => {
  for (const server of opened.splice(0)) server.destroyAll();
});

async function memoryBench(): Promise<Bench> {
  const events: string[] = [];
  const sockets: Socket[] = [];
  const server = new MemorySocketServer({
    handlers: handlersFor(events, sockets),
    messageBytesMax: 1000,
  });
  opened.push(server);
  await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    server,
    events,
    sockets,
    connect(url = '/v1/ws') {
      const [place = '', query] = url.split('?');
      const made = server.connect({
        path: place,
        query: query ?? null,
        headers: { 'sec-websocket-protocol': 'p' },
      });
      if ('status' in made) return Promise.resolve(null);
      const { client } = made;
      return Promise.resolve({
        get received() {
          return client.received.map(({ bytes, isText }) => ({ text: text(bytes), isText }));
        },
        closeCode: () => client.closed?.code ?? null,
        send: (data, isText) => client.send(utf8.encode(data), isText),
        close: () => client.close(1000),
      });
    },
  };
}

async function uwsBench(): Promise<Bench> {
  const events: string[] = [];
  const sockets: Socket[] = [];
  const server = new UwsSocketServer({
    handlers: handlersFor(events, sockets),
    messageBytesMax: 1000,
  });
  opened.push(server);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    server,
    events,
    sockets,
    async connect(url = '/v1/ws') {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${url}`, 'p');
      socket.binaryType = 'arraybuffer';
      const received: { text: string; isText: boolean }[] = [];
      let closeCode: number | null = null;
      socket.onmessage = ({ data }) => {
        const isText = typeof data === 'string';
        received.push({ text: isText ? data : text(new Uint8Array(data as ArrayBuffer)), isText });
      };
      socket.onclose = ({ code }) => {
        closeCode = code;
      };
      const isOpen = await new Promise<boolean>((resolve) => {
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
      });
      if (!isOpen) return null;
      return {
        received,
        closeCode: () => closeCode,
        send: (data, isText) => socket.send(isText ? data : utf8.encode(data)),
        close: () => socket.close(1000),
      };
    },
  };
}

describe.each([
  ['memory', memoryBench],
  ['uws', uwsBench],
] as const)('a %s socket server', (_name, bench) => {
  test('carries binary and text messages both ways, with the context of the upgrade', async () => {
    const { events, connect } = await bench();
    const peer = await connect('/v1/ws?x=1');
    expect(peer).not.toBeNull();
    peer?.send('twice', false);
    await soon(() => expect(peer?.received).toHaveLength(2));
    peer?.send('twice', true);
    await soon(() =>
      expect(peer?.received).toEqual([
        { text: 'one', isText: false },
        { text: 'two', isText: false },
        { text: 'one', isText: true },
        { text: 'two', isText: true },
      ]),
    );
    expect(events).toEqual(['open x=1', 'message twice false', 'message twice true']);
  });

  test('refuses an upgrade', async () => {
    const { events, connect } = await bench();
    expect(await connect('/no')).toBeNull();
    expect(events).toEqual([]);
  });

  test('ends with a code, and the socket drops what is sent afterwards', async () => {
    const { events, sockets, connect } = await bench();
    const peer = await connect();
    peer?.send('end', false);
    await soon(() => expect(peer?.closeCode()).toBe(4001));
    expect(events.filter((event) => event.startsWith('close'))).toEqual(['close 4001']);
    const socket = sockets[0] as Socket;
    expect(socket.send(utf8.encode('late'), false)).toBe('dropped');
    expect(socket.unsentBytes()).toBe(0);
    socket.cork(() => {});
    socket.end(1000, '');
    socket.destroy();
  });

  test('tells of a client that goes, and of one that is cut', async () => {
    const { events, sockets, connect } = await bench();
    const first = await connect();
    const second = await connect();
    first?.close();
    await soon(() => expect(events).toContain('close 1000'));
    sockets[1]?.destroy();
    await soon(() => expect(second?.closeCode()).toBe(1006));
    expect(events).toContain('close 1006');
  });

  test('ends a connection whose message is too large, without a close frame', async () => {
    const { events, connect } = await bench();
    const peer = await connect();
    peer?.send('x'.repeat(1001), false);
    await soon(() => expect(peer?.closeCode()).toBe(1006));
    expect(events.some((event) => event.startsWith('message'))).toBe(false);
  });

  test('leaves open sockets alone when it stops listening', async () => {
    const { server, connect } = await bench();
    const peer = await connect();
    server.stopListening();
    peer?.send('twice', false);
    await soon(() => expect(peer?.received).toHaveLength(2));
    expect(await connect()).toBeNull();
  });

  test('destroys all', async () => {
    const { server, connect } = await bench();
    const peers = await Promise.all([connect(), connect()]);
    server.destroyAll();
    await soon(() => expect(peers.map((peer) => peer?.closeCode())).toEqual([1006, 1006]));
  });
});

describe('the uws body', () => {
  test('says in one error that the port is taken', async () => {
    const port = await freePort();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    const server = new UwsSocketServer({ handlers: handlersFor([], []), messageBytesMax: 1000 });
    await expect(server.listen({ host: '127.0.0.1', port })).rejects.toThrow(ListenError);
    other.close();
  });

  test('does not share its port unless asked to', async () => {
    const first = new UwsSocketServer({ handlers: handlersFor([], []), messageBytesMax: 1000 });
    const second = new UwsSocketServer({ handlers: handlersFor([], []), messageBytesMax: 1000 });
    opened.push(first, second);
    const { port } = await first.listen({ host: '127.0.0.1', port: 0 });
    await expect(second.listen({ host: '127.0.0.1', port })).rejects.toThrow('taken');
  });

  test('lets processes share a port that all of them share', async () => {
    const first = new UwsSocketServer({ handlers: handlersFor([], []), messageBytesMax: 1000 });
    const second = new UwsSocketServer({ handlers: handlersFor([], []), messageBytesMax: 1000 });
    opened.push(first, second);
    const port = await freePort();
    await first.listen({ host: '127.0.0.1', port, sharedPort: true });
    await expect(second.listen({ host: '127.0.0.1', port, sharedPort: true })).resolves.toEqual({
      port,
    });
  });

  test('answers plain requests through the handler, else 404', async () => {
    const bare = new UwsSocketServer({ handlers: handlersFor([], []), messageBytesMax: 1000 });
    const serving = new UwsSocketServer({
      handlers: handlersFor([], []),
      messageBytesMax: 1000,
      http: ({ method, path: place }) => ({
        status: 200,
        headers: { 'content-type': 'text/x' },
        body: `${method} ${place}`,
      }),
    });
    opened.push(bare, serving);
    const ports = await Promise.all(
      [bare, serving].map((server) => server.listen({ host: '127.0.0.1', port: 0 })),
    );
    const [none, some] = await Promise.all(
      ports.map(({ port }) => fetch(`http://127.0.0.1:${port}/page`)),
    );
    expect(none?.status).toBe(404);
    expect(some?.headers.get('content-type')).toBe('text/x');
    expect(await some?.text()).toBe('get /page');
  });

  test('sends no body after HEAD, which would be read as the next answer', async () => {
    const server = new UwsSocketServer({
      handlers: handlersFor([], []),
      messageBytesMax: 1000,
      http: ({ method, path: place }) => ({ status: 200, body: `${method} ${place}` }),
    });
    opened.push(server);
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect(port, '127.0.0.1');
    socket.write('HEAD /a HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\r\nhost: x\r\n\r\n');
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.endsWith('get /b')) break;
    }
    expect(text.toLowerCase()).toContain('content-length: 7\r\n');
    expect(text).not.toContain('head /a');
  });

  const isReviewed = process.platform === 'linux' && process.arch === 'x64';
  test.skipIf(!isReviewed)('loads the native file that was reviewed (Linux x64)', () => {
    const entry = createRequire(import.meta.url).resolve('@millrace/gateway/package.json');
    const root = path.resolve(path.dirname(entry), '../..');
    const file = path.join(root, 'node_modules/uWebSockets.js/dist/bin/uws_linux_x64_127.node');
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
    expect(digest).toBe('8cabc918bbf9a07323e54f89a33882491080b2eb35df0607f473ccdb1f3c31af');
  });
});

describe('addresses', () => {
  test('read as text', () => {
    expect(addressText(Uint8Array.of(10, 0, 0, 1))).toBe('10.0.0.1');
    const mapped = new Uint8Array(16);
    mapped.set([0xff, 0xff, 10, 0, 0, 1], 10);
    expect(addressText(mapped)).toBe('10.0.0.1');
    const six = new Uint8Array(16);
    six.set([0x20, 0x01, 0x0d, 0xb8], 0);
    six[15] = 1;
    expect(addressText(six)).toBe('2001:db8:0:0:0:0:0:1');
    expect(addressText(new Uint8Array(0))).toBe('unix');
  });

  test('of one IPv6 /64 are one network, IPv4 addresses are their own', () => {
    expect(networkOf('2001:db8:0:1:5:6:7:8')).toBe(networkOf('2001:db8:0:1:0:0:0:1'));
    expect(networkOf('2001:db8:0:1:5:6:7:8')).not.toBe(networkOf('2001:db8:0:2:5:6:7:8'));
    expect(networkOf('2001:db8::1')).toBe(networkOf('2001:0DB8:0:0:5::'));
    expect(networkOf('::1')).toBe('0:0:0:0');
    expect(networkOf('10.0.0.1')).not.toBe(networkOf('10.0.0.2'));
  });
});

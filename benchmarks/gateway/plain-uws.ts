/**
 * B: what uWebSockets.js costs without a gateway. It loops over its sockets and sends each frame that the feed brings
 * in a cork: to all, or to the group that the feed names. A client is in group N when it asked for `/N`.
 *
 *   node plain-uws.ts PORT FEED_PORT
 */

import { App, type WebSocket } from 'uWebSockets.js';
import { createServer } from 'node:net';

interface Place {
  readonly group: number;
}

const BACKPRESSURE_BYTES_MAX = 131_072;
/** Length and group before a frame of the feed. */
const HEAD_BYTES = 8;
const [port = 0, feedPort = 0] = process.argv.slice(2).map(Number);
const everybody = new Set<WebSocket<Place>>();
const groups = new Map<number, Set<WebSocket<Place>>>();

function fanOut(members: Iterable<WebSocket<Place>>, frame: Uint8Array): void {
  for (const socket of members) {
    // A socket that still has unsent bytes misses the frame.
    if (socket.getBufferedAmount() === 0) socket.cork(() => socket.send(frame, true));
  }
}

function members(group: number): Set<WebSocket<Place>> {
  const found = groups.get(group) ?? new Set();
  groups.set(group, found);
  return found;
}

const feeds = createServer((feed) => {
  let rest = Buffer.alloc(0);
  feed.on('error', () => feed.destroy());
  feed.on('data', (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (bytes.length >= HEAD_BYTES) {
      const end = 4 + bytes.readUInt32LE(0);
      if (bytes.length < end) break;
      const group = bytes.readInt32LE(4);
      fanOut(group < 0 ? everybody : members(group), bytes.subarray(HEAD_BYTES, end));
      bytes = bytes.subarray(end);
    }
    rest = bytes;
  });
});

App()
  .ws<Place>('/*', {
    maxBackpressure: BACKPRESSURE_BYTES_MAX,
    idleTimeout: 0,
    sendPingsAutomatically: false,
    upgrade: (response, request, context) => {
      const place: Place = { group: Number(request.getUrl().slice(1)) };
      response.upgrade(
        place,
        request.getHeader('sec-websocket-key'),
        request.getHeader('sec-websocket-protocol'),
        request.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open: (socket) => {
      everybody.add(socket);
      members(socket.getUserData().group).add(socket);
    },
    close: (socket) => {
      everybody.delete(socket);
      members(socket.getUserData().group).delete(socket);
    },
  })
  .listen('127.0.0.1', port, (listening) => {
    if (listening === false) throw new Error(`cannot listen on ${port}`);
    feeds.listen(feedPort, '127.0.0.1', () => process.stdout.write(`listening on ${port}\n`));
  });

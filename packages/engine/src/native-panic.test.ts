import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BODIES, type World } from './contract/bodies.ts';
import type { Engine } from './engine.ts';
import { EngineError, EngineErrorCode } from './engine-error.ts';
import { EVENT_STRIDE, EventKind, SendKind } from './reactor.ts';

/** A row that names bytes beyond the staging memory: no caller does so, and the core asserts it. */
const OUTSIDE = 2 ** 40;
const native = BODIES.find(({ name }) => name === 'native');

let world: World;
const engines: Engine[] = [];
const sockets: Socket[] = [];

beforeEach(() => {
  if (native === undefined) throw new Error('there is no native body');
  world = native.world();
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const engine of engines.splice(0)) await engine.close();
  world.remove();
});

/** A new engine that calls `serve` with each connection that opens; gives a client of it. */
function served(serve: (engine: Engine, connectionId: number) => void): Socket {
  const engine = world.open();
  engines.push(engine);
  const { reactor } = engine;
  reactor.run((count) => {
    for (let at = 0; at < count * EVENT_STRIDE; at += EVENT_STRIDE) {
      const [kind, id = 0] = reactor.events.subarray(at, at + 2);
      if (kind === EventKind.opened) serve(engine, id);
    }
  });
  const socket = connect(reactor.listen('127.0.0.1', 0, 8).port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

test('a panic of the core is an error with its code, within a tick, and leaves the process alive', async () => {
  const thrown = await new Promise<unknown>((resolve) => {
    served(({ reactor }, id) => {
      reactor.sends.set([id, SendKind.bytes, OUTSIDE, 8]);
      try {
        reactor.flush(1);
        resolve('nothing was thrown');
      } catch (error) {
        resolve(error);
      }
    });
  });
  expect(thrown).toBeInstanceOf(EngineError);
  expect(thrown).toMatchObject({
    code: EngineErrorCode.panic,
    message: 'range outside of mapping',
  });
  // Its engine can be closed, and another one of the same process serves.
  await engines.pop()?.close();
  const socket = served(({ reactor }, id) => {
    reactor.out.set([1, 2, 3]);
    reactor.sends.set([id, SendKind.bytes, 0, 3]);
    reactor.flush(1);
  });
  expect(await once(socket, 'data')).toEqual([Buffer.from([1, 2, 3])]);
});

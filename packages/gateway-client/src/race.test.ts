import { expect, test } from 'vitest';
// The client loads it when it is needed; here it is there already.
import './publishing.ts';
import { filled, read } from './fake-consumer.test-server.ts';
import { FakeGateway } from './fake-gateway.test-server.ts';

const url = ['wss://a/v1/ws', 'wss://b/v1/ws'];

test('a gateway that is silent in the handshake is not waited for: the next one is asked beside it', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  const isSilent = (socket: { url: string }) => socket.url === url[0];
  gateway.admit = (socket) => socket.accept();
  gateway.intercept = (peer) => isSilent(peer.socket);
  const client = gateway.client({ url });
  client.subscribe('t');
  await gateway.run(1_400);
  expect(gateway.sockets).toHaveLength(1);
  await gateway.run(1_700);
  expect(client.state).toBe('ready');
  expect(gateway.sockets.map((socket) => [socket.url, socket.readyState])).toEqual([
    [url[0], 3],
    [url[1], 1],
  ]);
  await gateway.run(20_000);
  expect(gateway.sockets).toHaveLength(2);
});

test('the slower of two gateways may still be the one; each is asked once', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  gateway.admit = () => undefined;
  const client = gateway.client({ url });
  const { seen } = read(client.subscribe('t', { start: 'earliest' }));
  await gateway.run(9_000);
  expect(gateway.sockets.map((socket) => socket.url)).toEqual(url);
  gateway.sockets[0]?.accept();
  await gateway.run(100);
  expect(client.state).toBe('ready');
  expect(gateway.sockets.map(({ readyState }) => readyState)).toEqual([1, 3]);
  expect(seen).toHaveLength(5);
});

test('with one gateway nothing is asked twice; silence ends after the whole time', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  gateway.admit = () => undefined;
  const client = gateway.client({ reconnect: { attempts: 1 } });
  client.subscribe('t');
  await gateway.run(9_900);
  expect(client.state).toBe('connecting');
  await gateway.run(200);
  expect(gateway.sockets).toHaveLength(1);
  expect(client.state).toBe('closed');
});

test('with the slower of two the session and the credit are those that were offered it', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  gateway.admit = () => undefined;
  const client = gateway.client({ url });
  const { seen } = read(client.subscribe('t', { start: 'earliest' }));
  const published = client.publish('t', { value: 'x' });
  await gateway.run(4_000);
  for (const socket of gateway.sockets) socket.accept();
  await gateway.run(100);
  const hellos = gateway.sockets.flatMap(({ received }) =>
    received.filter((frame) => frame.kind === 'hello'),
  );
  expect(hellos).toHaveLength(2);
  expect(hellos[0]).toEqual(hellos[1]);
  expect((await published).offset).toBe(5);
  expect(seen).toHaveLength(6);
});

test('one that hangs is not asked again beside itself, and may still answer when the others refused', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  gateway.admit = (socket) => void (socket.url === url[1] && socket.drop(4401));
  const client = gateway.client({ url, reconnect: { attempts: 1 } });
  client.subscribe('t');
  await gateway.run(9_000);
  expect(gateway.sockets.map((socket) => socket.url)).toEqual(url);
  expect(client.state).toBe('connecting');
  gateway.sockets[0]?.accept();
  await gateway.run(100);
  expect(client.state).toBe('ready');
});

test('one that refused is asked again while another hangs, never the one that hangs', async () => {
  const gateway = new FakeGateway();
  filled(gateway, 't', 5);
  let isUp = false;
  gateway.admit = (socket) => {
    if (socket.url === url[0]) return;
    if (isUp) socket.accept();
    else socket.drop(1006);
  };
  const client = gateway.client({ url });
  client.subscribe('t');
  await gateway.run(4_000);
  isUp = true;
  await gateway.run(5_000);
  expect(gateway.sockets.filter((socket) => socket.url === url[0])).toHaveLength(1);
  expect(client.state).toBe('ready');
});

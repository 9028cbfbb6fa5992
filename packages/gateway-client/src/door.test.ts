// Values that no frame can carry: whoever gave them is told, nothing is thrown into the event loop, and the rest goes on.
import { expect, test } from 'vitest';
import { GatewayError } from './errors.ts';
import { FakeGateway } from './fake-gateway.test-server.ts';
// The client loads it when it is needed; here it is there already.
import './publishing.ts';
import type { PublishOptions, PublishRecord } from './options.ts';

function topicGateway(): FakeGateway {
  const gateway = new FakeGateway();
  gateway.topic('t', 2);
  return gateway;
}

const headers = (count: number): NonNullable<PublishRecord['headers']> =>
  Array.from({ length: count }, () => ({ name: 'h', value: null }));

const BAD: [string, string, PublishRecord, PublishOptions][] = [
  ['a timestamp below −1', 't', { value: 'x' }, { timestamp: -5 }],
  ['a topic of 300 bytes', 't'.repeat(300), { value: 'x' }, {}],
  ['a partition beyond 32 bits', 't', { value: 'x' }, { partition: 2 ** 40 }],
  ['65 headers', 't', { value: 'x', headers: headers(65) }, {}],
];

test.each(BAD)('a publish of %s fails, first or later', async (_, topic, record, options) => {
  const gateway = topicGateway();
  const client = gateway.client();
  for (let round = 0; round < 2; round++) {
    const failed = client.publish(topic, record, options).catch((error: unknown) => error);
    const fine = client.publish('t', { value: 'x' }, { partition: 0 });
    await gateway.run(20);
    expect(await failed).toBeInstanceOf(GatewayError);
    expect((await fine).offset).toBe(round);
  }
  expect(gateway.got('publish').map(({ seq }) => seq)).toEqual([1n, 2n]);
  const closed = client.close();
  await gateway.run(20);
  await closed;
});

test('a batch of what no batch can carry fails', async () => {
  const gateway = topicGateway();
  const record = { value: 'x', headers: headers(70_000) };
  const failed = gateway.client().publishBatch('t', 0, [record]);
  await expect(failed).rejects.toBeInstanceOf(GatewayError);
});

test('close does not wait for a publish that could not be sent', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  const failed = client.publish('t', { value: 'x' }, { timestamp: -5 }).catch(() => 'failed');
  let isClosed = false;
  void client.close().then(() => {
    isClosed = true;
  });
  await gateway.run(100);
  expect(await failed).toBe('failed');
  expect(isClosed).toBe(true);
});

test('a token that is too long is none: the next attempt asks for another', async () => {
  const gateway = topicGateway();
  let length = 9_000;
  const client = gateway.client({ getToken: async () => 'x'.repeat(length) });
  const errors: GatewayError[] = [];
  client.on('error', (error) => errors.push(error));
  const published = client.publish('t', { value: 'x' }, { partition: 0 });
  await gateway.run(20);
  expect(errors.length).toBeGreaterThan(0);
  expect(gateway.sockets).toEqual([]);
  length = 10;
  await gateway.run(60_000);
  expect((await published).offset).toBe(0);
});

test('a window that is none is refused at once', () => {
  const gateway = topicGateway();
  for (const bytes of [0, -1, 0.5, 64 << 20, Number.NaN]) {
    expect(() => gateway.client({ window: { connectionBytes: bytes } })).toThrow(GatewayError);
    expect(() => gateway.client().subscribe('t', { windowBytes: bytes })).toThrow(GatewayError);
  }
});

test('a Hello that cannot be said ends the client, and what waits for it', async () => {
  const gateway = topicGateway();
  // As many characters as a token may have, and more bytes.
  const client = gateway.client({ getToken: async () => 'é'.repeat(8_000) });
  const failed = client.publish('t', { value: 'x' }).catch((error: unknown) => error);
  await gateway.run(20);
  expect(await failed).toBeInstanceOf(GatewayError);
  expect(client.state).toBe('closed');
});

test('a commit, and a Subscribe, that cannot be sent', async () => {
  const gateway = topicGateway();
  const client = gateway.client();
  const subscription = client.subscribe('t', { start: 'earliest' });
  await gateway.run(20);
  const commit = (name: string, count: number): Promise<void> =>
    client.commit(
      name,
      subscription,
      Array.from({ length: count }, (_, partition) => ({ partition, offset: 1 })),
    );
  await expect(commit('n'.repeat(300), 1)).rejects.toBeInstanceOf(GatewayError);
  gateway.welcome = { limits: { messageBytes: 2_000 } as never };
  const small = gateway.client();
  const ended = small.subscribe('t', { start: 'earliest', grant: 'g'.repeat(4_000) });
  const reading = (async () => {
    for await (const _ of ended);
  })().catch((error: unknown) => error);
  await gateway.run(20);
  expect(await reading).toMatchObject({ codeName: 'limit' });
});

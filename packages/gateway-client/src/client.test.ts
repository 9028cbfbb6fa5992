import { expect, test } from 'vitest';
import { FakeGateway } from './fake-gateway.test-server.ts';

test('reads a topic from the start and goes on live', async () => {
  const gateway = new FakeGateway();
  const { logs } = gateway.topic('orders');
  for (let i = 0; i < 25; i++) logs[0]?.append(`v${i}`, `k${i}`);
  const client = gateway.client();
  const subscription = client.subscribe('orders', { start: 'earliest' });
  const seen: string[] = [];
  const done = (async () => {
    for await (const record of subscription.records())
      seen.push(`${record.offset}=${record.text()}`);
  })();
  await gateway.run(50);
  expect(seen).toHaveLength(25);
  expect(subscription.state).toBe('live');
  logs[0]?.append('later');
  gateway.pump();
  await gateway.run(50);
  expect(seen[25]).toBe('25=later');
  expect(subscription.position()).toEqual([{ partition: 0, offset: 26, leaderEpoch: 0 }]);
  await Promise.all([subscription.close(), gateway.run(10)]);
  await done;
  expect(gateway.got('unsubscribe')).toHaveLength(1);
});

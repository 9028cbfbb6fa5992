import { ErrorCode } from '@millrace/gateway-protocol';
import { expect, test } from 'vitest';
import { FilterLimitError } from '../fan-out/feed-classes.ts';
import { SessionRig } from '../session/testing/session-rig.ts';

test('a filter too many ends its subscription with 106, at the start and for an added partition', async () => {
  const rig = new SessionRig();
  rig.upstream.create('t', 1);
  const client = await rig.welcomed();
  client.send({ kind: 'subscribe', req: 1, sub: 1, topic: 't' });
  await rig.advance(60);
  client.take('subscribed');
  rig.fanOut.reserve = () => {
    throw new FilterLimitError('full');
  };
  client.send({ kind: 'subscribe', req: 2, sub: 2, topic: 't', lane: 1 });
  await rig.advance(60);
  expect(client.take('error')).toMatchObject({ id: 2, code: ErrorCode.LIMIT });
  const topic = rig.upstream.topicsByName.get('t');
  for (let more = 0; more < 2; more++) topic?.partitions.push(rig.upstream.partition('t'));
  rig.upstream.changed('t');
  await rig.settle();
  expect(client.take('unsubscribed')).toMatchObject({ req: 0, sub: 1, code: ErrorCode.LIMIT });
  client.send({ kind: 'ping', nonce: 7, sentMs: 0n });
  await rig.settle();
  expect(client.take('pong').nonce).toBe(7);
});

// C39: commits of pages, as Kafka's own tools see them.
import assert from 'node:assert/strict';
import { ErrorCode, StartKind } from '@millrace/gateway-protocol';
import { runKafkaTool } from '@millrace/testing';
import { KafkaOracle } from './kafka-oracle.ts';
import { connect, Listener } from './listener.ts';
import { write } from './logs.ts';
import { newTopic, type Stage } from './stage.ts';
import { groupOf } from './starts.ts';

const GROUP_COMMAND = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand';
const COUNT = 10;

/** Several commits at once: the last one wins, every one is answered, kafka-consumer-groups shows it. */
async function seenByTools(stage: Stage): Promise<void> {
  const topic = await newTopic(stage, 'committed');
  const records = Array.from({ length: COUNT }, (_, n) => ({
    ...{ key: null, value: `v${n}`, timestampMs: Date.now() },
  }));
  await write(stage, topic, records);
  for (const isText of [false, true]) {
    const name = `page-${isText}`;
    const client = await connect(stage.gateway.port, isText);
    const listener = await Listener.on(client, { sub: 1, topic, start: StartKind.EARLIEST });
    await listener.upTo(COUNT);
    for (const [i, offset] of [2, 4, 7].entries())
      client.send({
        ...{ kind: 'commit', req: 10 + i, sub: 1, name },
        offsets: [{ partition: 0, offset: BigInt(offset), epoch: -1 }],
      });
    for (let i = 0; i < 3; i++) assert.equal((await client.take('committed')).code, 0);
    client.socket.close();
    const { stdout } = await runKafkaTool(GROUP_COMMAND, [
      ...['--bootstrap-server', stage.bootstrap, '--describe', '--group', groupOf(name)],
    ]);
    assert.match(stdout, new RegExp(`${topic}\\s+0\\s+7\\s+${COUNT}\\s+3\\s`));
    const again = await connect(stage.gateway.port, isText);
    const start = { start: StartKind.COMMITTED, name };
    const resumed = await Listener.on(again, { sub: 1, topic, ...start });
    const stream = await resumed.upTo(COUNT);
    assert.deepEqual(
      stream.records.map(({ value }) => value),
      ['v7', 'v8', 'v9'],
    );
    again.socket.close();
  }
}

/** A group that has members belongs to them. */
async function withMembers(stage: Stage): Promise<void> {
  const topic = await newTopic(stage, 'with-members');
  await write(stage, topic, [{ key: null, value: 'v', timestampMs: Date.now() }]);
  const member = await KafkaOracle.open(stage.bootstrap);
  try {
    await member.join(topic, groupOf('taken'));
    const client = await connect(stage.gateway.port, false);
    await Listener.on(client, { sub: 1, topic, start: StartKind.EARLIEST });
    const offsets = [{ partition: 0, offset: 1n, epoch: -1 }];
    client.send({ kind: 'commit', req: 2, sub: 1, name: 'taken', offsets });
    assert.equal((await client.take('committed')).code, ErrorCode.GROUP_HAS_MEMBERS);
    client.socket.close();
    assert.equal(await stage.oracle.committed(topic, groupOf('taken')), -1);
  } finally {
    await member.close();
  }
}

export const commitChecks = {
  'C39: commits as kafka-consumer-groups shows them, and the start from them': seenByTools,
  'C39: a group with members takes no commit: 140': withMembers,
};

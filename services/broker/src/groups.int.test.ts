import { deleteTopicsApi, listGroupsApi } from '@millrace/protocol';
import { tempFolder } from '@millrace/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { BrokerUnderTest, engineBodies } from './testing/broker-under-test.ts';
import { RawConsumer } from './testing/raw-consumer.ts';

const settings = ['group.initial.rebalance.delay.ms=100', 'group.min.session.timeout.ms=300'];

/** Asks until the answer is another than "still loading" (14). */
async function whenLoaded(ask: () => Promise<number>): Promise<number> {
  for (;;) {
    const errorCode = await ask();
    if (errorCode !== 14) return errorCode;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe.each(engineBodies)('consumer groups on the $name engine', ({ make }) => {
  let under: BrokerUnderTest;
  const folder = tempFolder('groups');

  afterEach(async () => {
    await under.close();
    folder.remove();
    expect(under.logLines.filter((line) => line.includes('ERROR'))).toEqual([]);
  });

  async function members(group: string, count: number): Promise<RawConsumer[]> {
    const consumers: RawConsumer[] = [];
    for (let i = 0; i < count; i++) consumers.push(new RawConsumer(await under.client(), group));
    const found = await Promise.all(consumers.map((each) => each.findCoordinator()));
    expect(new Set(found)).toEqual(new Set([0]));
    return consumers;
  }

  /** Joins everyone and hands each member its number as assignment. The first of the result leads. */
  async function gather(consumers: RawConsumer[], sessionTimeoutMs = 6000): Promise<RawConsumer[]> {
    const joined = await Promise.all(consumers.map((each) => each.join(sessionTimeoutMs)));
    expect(new Set(joined.map((each) => each.errorCode))).toEqual(new Set([0]));
    const leaderId = joined[0]?.leader;
    const order = consumers.toSorted((each) => (each.memberId === leaderId ? -1 : 1));
    const plan = new Map(order.map((each, index) => [each.memberId, `part ${index}`]));
    const synced = await Promise.all(
      order.map((each, index) => each.sync(index === 0 ? plan : undefined)),
    );
    expect(synced.map((each) => Buffer.from(each.assignment).toString())).toEqual([
      ...plan.values(),
    ]);
    return order;
  }

  it('three members share, one dies, the others go on in the next generation', async () => {
    under = await BrokerUnderTest.start(make(), settings);
    await under.createTopic('t', { partitions: 2 });
    const [leader, follower, victim] = (await gather(await members('g', 3), 400)) as [
      RawConsumer,
      RawConsumer,
      RawConsumer,
    ];
    expect(await leader.commit('t', 0, 7)).toBe(0);
    expect(await leader.commit('t', 9, 7)).toBe(3);
    victim.client.close();
    for (let i = 0; i < 6; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await Promise.all([leader.heartbeat(), follower.heartbeat()]);
    }
    expect(await leader.heartbeat()).toBe(27);
    const before = leader.generation;
    const [again] = await gather([leader, follower], 400);
    expect(again?.generation).toBe(before + 1);
    expect(await follower.committed('t', 0)).toBe(7);
  });

  it('a waiting join holds up nobody but its own connection', async () => {
    under = await BrokerUnderTest.start(make(), settings);
    await under.createTopic('t');
    const [leader] = (await gather(await members('g', 1))) as [RawConsumer];
    const [waiting, other] = (await members('g', 2)) as [RawConsumer, RawConsumer];
    const join = waiting.join();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await leader.heartbeat()).toBe(27);
    expect(await other.committed('t', 0)).toBe(-1);
    await leader.join();
    expect((await join).generationId).toBe(2);
  });

  it('a restart keeps members, generation and offsets', async () => {
    const openEngine = make();
    const overrides = [...settings, `log.dirs=${folder.path}/data`];
    under = await BrokerUnderTest.start(openEngine, overrides);
    await under.createTopic('t', { partitions: 2 });
    const [leader, follower] = (await gather(await members('g', 2))) as [RawConsumer, RawConsumer];
    expect(await leader.commit('t', 0, 11)).toBe(0);
    expect(await follower.commit('t', 1, 22)).toBe(0);
    await under.close();

    under = await BrokerUnderTest.start(openEngine, overrides);
    for (const member of [leader, follower]) {
      const back = new RawConsumer(await under.client(), 'g');
      back.memberId = member.memberId;
      back.generation = member.generation;
      expect(await whenLoaded(() => back.heartbeat())).toBe(0);
      expect(await whenLoaded(() => back.commit('t', 0, 12))).toBe(0);
      expect([await back.committed('t', 0), await back.committed('t', 1)]).toEqual([12, 22]);
    }
  });

  it('deleting a topic drops its offsets, for good', async () => {
    const openEngine = make();
    const overrides = [...settings, `log.dirs=${folder.path}/data`];
    under = await BrokerUnderTest.start(openEngine, overrides);
    await under.createTopic('t');
    await under.createTopic('u');
    const [consumer] = (await members('g', 1)) as [RawConsumer];
    expect(await consumer.commit('t', 0, 5)).toBe(0);
    expect(await consumer.commit('u', 0, 6)).toBe(0);
    await consumer.client.call(deleteTopicsApi, 3, {
      topics: [],
      topicNames: ['t'],
      timeoutMs: 5000,
    });
    await under.createTopic('t');
    expect([await consumer.committed('t', 0), await consumer.committed('u', 0)]).toEqual([-1, 6]);
    await under.close();

    under = await BrokerUnderTest.start(openEngine, overrides);
    const again = new RawConsumer(await under.client(), 'g');
    const list = () => again.client.call(listGroupsApi, 0, { statesFilter: [], typesFilter: [] });
    await whenLoaded(async () => (await list()).errorCode);
    expect([await again.committed('t', 0), await again.committed('u', 0)]).toEqual([-1, 6]);
  });
});

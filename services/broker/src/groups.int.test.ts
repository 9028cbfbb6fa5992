import { deleteTopicsApi, listGroupsApi } from '@millrace/protocol';
import { eventually, tempFolder } from '@millrace/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { BrokerUnderTest, engineBodies } from './testing/broker-under-test.ts';
import { gather, RawConsumer } from './testing/raw-consumer.ts';

const settings = ['group.initial.rebalance.delay.ms=100', 'group.min.session.timeout.ms=300'];
/** Of a member that dies: long enough for it to take its assignment before, on a machine that pauses. */
const VICTIM_SESSION_MS = 10_000;
const WAIT_MS = 60_000;
const REBALANCE_IN_PROGRESS = 27;

/** Asks until the answer is another than "still loading" (14). */
async function whenLoaded(ask: () => Promise<number>): Promise<number> {
  for (;;) {
    const errorCode = await ask();
    if (errorCode !== 14) return errorCode;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Until the broker asks the member to join again. */
async function isRebalancing(member: RawConsumer): Promise<void> {
  await eventually('the group rebalances', WAIT_MS, async () => {
    return (await member.heartbeat()) === REBALANCE_IN_PROGRESS;
  });
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

  it('three members share, one dies, the others go on in the next generation', async () => {
    under = await BrokerUnderTest.start(make(), settings);
    await under.createTopic('t', { partitions: 2 });
    const all = await members('g', 3);
    const [one, two, victim] = all as [RawConsumer, RawConsumer, RawConsumer];
    victim.sessionTimeoutMs = VICTIM_SESSION_MS;
    await gather(all);
    expect(await one.commit('t', 0, 7)).toBe(0);
    expect(await one.commit('t', 9, 7)).toBe(3);
    victim.client.close();
    await isRebalancing(one);
    const before = one.generation;
    await gather([one, two]);
    expect([one.generation, two.generation]).toEqual([before + 1, before + 1]);
    expect(await two.committed('t', 0)).toBe(7);
  });

  it('a waiting join holds up nobody but its own connection', async () => {
    under = await BrokerUnderTest.start(make(), settings);
    await under.createTopic('t');
    const [leader] = (await gather(await members('g', 1))) as [RawConsumer];
    const [waiting, other] = (await members('g', 2)) as [RawConsumer, RawConsumer];
    const join = waiting.join();
    await isRebalancing(leader);
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

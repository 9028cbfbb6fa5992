import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GroupHarness } from '../testing/group-harness.ts';
import type { MemoryPartition } from '../testing/memory-topic.ts';
import {
  type Ownership,
  SIMULATED_PARTITION_COUNT,
  SimulatedConsumer,
} from '../testing/simulated-consumer.ts';

type Deed =
  | 'join'
  | 'joinStatic'
  | 'crash'
  | 'leave'
  | 'restartStatic'
  | 'restartBroker'
  | 'slowLog'
  | 'failLog'
  | 'healLog'
  | 'wait';

const deed = fc.record({
  deed: fc.oneof(
    { weight: 5, arbitrary: fc.constant<Deed>('join') },
    { weight: 2, arbitrary: fc.constant<Deed>('joinStatic') },
    { weight: 2, arbitrary: fc.constant<Deed>('crash') },
    { weight: 2, arbitrary: fc.constant<Deed>('leave') },
    { weight: 1, arbitrary: fc.constant<Deed>('restartStatic') },
    { weight: 1, arbitrary: fc.constant<Deed>('restartBroker') },
    { weight: 1, arbitrary: fc.constant<Deed>('slowLog') },
    { weight: 1, arbitrary: fc.constant<Deed>('failLog') },
    { weight: 2, arbitrary: fc.constant<Deed>('healLog') },
    { weight: 6, arbitrary: fc.constant<Deed>('wait') },
  ),
  who: fc.nat(),
  version: fc.constantFrom(1, 3, 4, 9),
  waitMs: fc.integer({ min: 1, max: 2900 }),
});

type Step = typeof deed extends fc.Arbitrary<infer T> ? T : never;

/** A world of clients that obey the protocol, or vanish. */
class World {
  harness = new GroupHarness();
  readonly ownership: Ownership = new Map();
  alive: SimulatedConsumer[] = [];
  readonly everyone: SimulatedConsumer[] = [];
  #count = 0;

  async run({ deed: what, who, version, waitMs }: Step): Promise<void> {
    const victim = this.alive[who % Math.max(1, this.alive.length)];
    if (what === 'join') this.#join(null, version);
    else if (what === 'joinStatic') this.#join(`i${who % 4}`, Math.max(5, version));
    else if (what === 'restartBroker') await this.#restartBroker();
    else if (what === 'slowLog')
      this.#log((partition) => Object.assign(partition, { isHeld: true }));
    else if (what === 'failLog')
      this.#log((partition) => Object.assign(partition, { errorCode: 56 }));
    else if (what === 'healLog') this.healLog();
    else if (victim !== undefined && what === 'crash') this.#remove(victim);
    else if (victim !== undefined && what === 'leave') {
      victim.leave();
      this.#remove(victim);
    } else if (victim?.instanceId !== null && victim !== undefined && what === 'restartStatic') {
      this.#join(victim.instanceId, victim.version);
    }
    await this.pass(waitMs);
  }

  /** Everyone alive does what is due, twice around, while time goes on. */
  async pass(ms: number): Promise<void> {
    for (let round = 0; round < 3; round++) {
      for (const client of this.alive) client.step();
      await this.harness.settle();
    }
    await this.harness.advance(ms);
  }

  healLog(): void {
    this.#log((partition) => {
      partition.errorCode = 0;
      partition.release();
    });
  }

  #log(change: (partition: MemoryPartition) => void): void {
    for (const partition of this.harness.topic.partitions) change(partition);
  }

  #join(instanceId: string | null, version: number): void {
    // The process that had this instance id is gone.
    this.alive = this.alive.filter(
      (other) => instanceId === null || other.instanceId !== instanceId,
    );
    const name = `c${++this.#count}`;
    const client = new SimulatedConsumer(name, this.harness, this.ownership, {
      instanceId,
      version,
    });
    this.alive.push(client);
    this.everyone.push(client);
  }

  #remove(client: SimulatedConsumer): void {
    this.alive = this.alive.filter((other) => other !== client);
  }

  async #restartBroker(): Promise<void> {
    this.harness = await this.harness.restart();
    for (const client of this.alive) client.reconnect(this.harness);
  }
}

describe('a group under random joins, leaves, crashes, restarts and waits', () => {
  it('never gives a partition two owners, loses no member, and comes to rest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 1, maxLength: 40 }), async (steps) => {
        const world = new World();
        for (const step of steps) await world.run(step);
        world.healLog();
        const restarted = steps.some((step) => step.deed === 'restartBroker');
        for (let i = 0; i < 40; i++) await world.pass(1500);

        for (const client of world.everyone) {
          // A restart forgets what was not written: those in the middle of a rebalance start over.
          if (!restarted) expect(client.surprises).toEqual([]);
          expect(client.surprises.filter((each) => each.includes('owners'))).toEqual([]);
        }
        const generations = new Set(world.alive.map((client) => client.generation));
        expect(world.alive.filter((client) => !client.isStable)).toEqual([]);
        expect(generations.size).toBe(world.alive.length === 0 ? 0 : 1);
        const group = world.harness.coordinator.find('g');
        expect(group?.members.size ?? 0).toBe(world.alive.length);
        if (world.alive.length > 0) {
          const owned = world.ownership.get(group?.generation ?? -1);
          expect(owned?.size).toBe(SIMULATED_PARTITION_COUNT);
        }
      }),
      { numRuns: 500 },
    );
  });
});
